//! What a request may ask for besides its statement, and what servers refuse.

use std::time::{SystemTime, UNIX_EPOCH};

use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use serde_json::{Value, json};

use crate::connection::REPLICATED;
use crate::statements::SHORT_INSERT;
use crate::transcript::{Feature, failure, rows};
use crate::{Anything, Work};

pub async fn tracing(work: &Work) -> Anything<()> {
    let mut read = Statement::new("SELECT v FROM items WHERE k = 1 AND c = 1");
    read.set_tracing(true);
    let id = work.session.query_unpaged(read, ()).await?.tracing_id().ok_or("no trace")?;
    let trace = work.session.get_tracing_info(&id).await?;
    Feature("tracing").note(
        "trace",
        json!({
            "coordinator": trace.coordinator.map(|address| address.to_string()),
            "request": trace.request,
            "events": !trace.events.is_empty(),
        }),
    );
    Ok(())
}

pub async fn consistency(work: &Work) -> Anything<()> {
    let mut insert = work.session.prepare("INSERT INTO items (k, c, v) VALUES (7, 1, 'x')").await?;
    let mut select = Statement::new("SELECT v FROM items WHERE k = 7 AND c = 1");
    for (name, level) in [
        ("ANY", Consistency::Any),
        ("ONE", Consistency::One),
        ("TWO", Consistency::Two),
        ("THREE", Consistency::Three),
        ("QUORUM", Consistency::Quorum),
        ("ALL", Consistency::All),
        ("LOCAL_QUORUM", Consistency::LocalQuorum),
        ("EACH_QUORUM", Consistency::EachQuorum),
        ("LOCAL_ONE", Consistency::LocalOne),
    ] {
        insert.set_consistency(level);
        select.set_consistency(level);
        let write = outcome(work.session.execute_unpaged(&insert, ()).await);
        let read = outcome(work.session.query_unpaged(select.clone(), ()).await);
        Feature("consistency").note(name, json!({"write": write, "read": read}));
    }
    Ok(())
}

fn outcome(answer: Result<QueryResult, ExecutionError>) -> Value {
    answer.map_err(Into::into).and_then(rows).unwrap_or_else(|error| failure(error.as_ref()))
}

pub async fn timestamps(work: &Work) -> Anything<()> {
    let feature = Feature("timestamps");
    let written = |column| format!("SELECT writetime(v) FROM items WHERE k = 8 AND c = {column}");
    let mut insert = work.session.prepare(SHORT_INSERT).await?;
    insert.set_timestamp(Some(1234567890123456));
    work.session.execute_unpaged(&insert, (8, 1, "x")).await?;
    work.plain(&feature, "given", &written(1)).await;
    work.run("INSERT INTO items (k, c, v) VALUES (8, 2, 'x') USING TIMESTAMP 42").await?;
    work.plain(&feature, "in the text", &written(2)).await;
    insert.set_timestamp(None);
    work.session.execute_unpaged(&insert, (8, 3, "x")).await?;
    let result = work.session.query_unpaged(written(3), ()).await?.into_rows_result()?;
    let (micros,) = result.single_row::<(i64,)>()?;
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())?;
    feature.note("default", (now - micros).abs() < 600_000_000);
    Ok(())
}

pub async fn ttl(work: &Work) -> Anything<()> {
    let feature = Feature("ttl");
    let insert = work.session.prepare("INSERT INTO items (k, c, v) VALUES (9, 1, 'x') USING TTL ?").await?;
    work.session.execute_unpaged(&insert, (1000,)).await?;
    let read = "SELECT ttl(v) FROM items WHERE k = 9 AND c = 1";
    let result = work.session.query_unpaged(read, ()).await?.into_rows_result()?;
    let (remaining,) = result.single_row::<(i32,)>()?;
    feature.note("remaining", (900..=1000).contains(&remaining));
    work.plain(&feature, "none", "SELECT ttl(v) FROM items WHERE k = 1 AND c = 1").await;
    Ok(())
}

pub async fn errors(work: &Work) -> Anything<()> {
    let feature = Feature("errors");
    let session = &work.session;
    for (name, statement) in work.script["errors"].as_object().ok_or("no errors")? {
        let statement = statement.as_str().unwrap_or_default();
        work.plain(&feature, name, statement).await;
        let step = format!("{name} prepared");
        match session.prepare(statement).await {
            Ok(prepared) => feature.step(&step, session.execute_unpaged(&prepared, ()).await),
            Err(error) => feature.failed(&step, &error),
        }
    }
    let again = format!("CREATE KEYSPACE {} {REPLICATED}", work.keyspace);
    work.plain(&feature, "keyspace exists", &again).await;
    let insert = session.prepare("INSERT INTO items (k, c) VALUES (?, ?)").await?;
    feature.step("null key", session.execute_unpaged(&insert, (None::<i32>, 1)).await);
    let insert = session.prepare(SHORT_INSERT).await?;
    let mut batch = Batch::new(BatchType::Unlogged);
    let mut values = Vec::new();
    for number in 100..200 {
        batch.append_statement(insert.clone());
        values.push((number, 1, "x".repeat(1000)));
    }
    feature.step("batch too large", session.batch(&batch, values).await);
    Ok(())
}
