//! Reads and writes of all kinds.

use std::collections::HashMap;
use std::ops::ControlFlow;

use futures::TryStreamExt;
use scylla::response::query_result::QueryResult;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchType};
use scylla::statement::unprepared::Statement;
use scylla::value::CqlValue;
use serde_json::json;

use crate::notation::type_name;
use crate::transcript::Feature;
use crate::{Anything, Work};

pub const INSERT: &str = "INSERT INTO items (k, c, v, w) VALUES (?, ?, ?, ?)";
pub const SHORT_INSERT: &str = "INSERT INTO items (k, c, v) VALUES (?, ?, ?)";

/// What the driver does with values beside a text: it prepares the text first.
pub async fn statements(work: &Work) -> Anything<()> {
    let feature = Feature("statements");
    let session = &work.session;
    work.plain(&feature, "insert", "INSERT INTO items (k, c, v, w) VALUES (1, 1, 'plain', 10)").await;
    feature.step("insert with values", session.query_unpaged(INSERT, (1, 2, "valued", 20_i64)).await);
    let insert = session.prepare(INSERT).await?;
    feature.step("insert prepared", session.execute_unpaged(&insert, (1, 3, "prepared", 30_i64)).await);
    session.execute_unpaged(&insert, (1, 4, "gone", 40_i64)).await?;
    let variables: Vec<_> = insert
        .get_variable_col_specs()
        .iter()
        .map(|variable| [variable.name().to_owned(), type_name(variable.typ())])
        .collect();
    feature.note("variables", json!(variables));
    work.plain(&feature, "select", "SELECT * FROM items WHERE k = 1").await;
    let select = session.prepare("SELECT v, w FROM items WHERE k = ? AND c = ?").await?;
    feature.step("select prepared", session.execute_unpaged(&select, (1, 3)).await);
    work.plain(&feature, "update", "UPDATE items SET v = 'updated' WHERE k = 1 AND c = 2").await;
    let delete = session.prepare("DELETE FROM items WHERE k = ? AND c = ?").await?;
    feature.step("delete", session.execute_unpaged(&delete, (1, 4)).await);
    work.plain(&feature, "after", "SELECT * FROM items WHERE k = 1").await;
    work.plain(&feature, "functions", "SELECT count(*), max(w) AS most FROM items WHERE k = 1").await;
    work.plain(&feature, "json", "SELECT JSON * FROM items WHERE k = 1 AND c = 1").await;
    work.run("INSERT INTO moments (k, t, u) VALUES (1, now(), uuid())").await?;
    let moment = session.prepare("INSERT INTO moments (k, t, u) VALUES (?, now(), uuid())").await?;
    session.execute_unpaged(&moment, (2,)).await?;
    work.plain(&feature, "now", "SELECT count(*) FROM moments").await;
    Ok(())
}

pub async fn conditional(work: &Work) -> Anything<()> {
    let feature = Feature("lwt");
    let session = &work.session;
    let insert = "INSERT INTO items (k, c, v) VALUES (3, 1, 'first') IF NOT EXISTS";
    work.plain(&feature, "applied", insert).await;
    let insert = "INSERT INTO items (k, c, v) VALUES (3, 1, 'second') IF NOT EXISTS";
    work.plain(&feature, "not applied", insert).await;
    let update = session.prepare("UPDATE items SET v = ? WHERE k = ? AND c = ? IF v = ?").await?;
    for step in ["update applied", "update not applied"] {
        feature.step(step, session.execute_unpaged(&update, ("third", 3, 1, "first")).await);
    }
    let mut read = Statement::new("SELECT v FROM items WHERE k = 3 AND c = 1");
    read.set_consistency(Consistency::Serial);
    feature.step("serial read", session.query_unpaged(read, ()).await);
    let batch = "BEGIN BATCH INSERT INTO items (k, c, v) VALUES (3, 2, 'x') IF NOT EXISTS; \
                 UPDATE items SET v = 'y' WHERE k = 3 AND c = 3; APPLY BATCH";
    work.plain(&feature, "batch", batch).await;
    Ok(())
}

pub async fn counters(work: &Work) -> Anything<()> {
    work.run("UPDATE hits SET n = n + 1 WHERE page = 'home'").await?;
    let add = work.session.prepare("UPDATE hits SET n = n + ? WHERE page = ?").await?;
    for number in [10, -3] {
        let number = scylla::value::Counter(number);
        work.session.execute_unpaged(&add, (number, "home")).await?;
    }
    work.plain(&Feature("counters"), "value", "SELECT n FROM hits WHERE page = 'home'").await;
    Ok(())
}

pub async fn batches(work: &Work) -> Anything<()> {
    let feature = Feature("batches");
    let session = &work.session;
    let insert = session.prepare(SHORT_INSERT).await?;
    for (step, kind, first) in [("logged", BatchType::Logged, 1), ("unlogged", BatchType::Unlogged, 4)] {
        let mut batch = Batch::new(kind);
        let text = format!("INSERT INTO items (k, c, v) VALUES (4, {first}, 'text')");
        batch.append_statement(text.as_str());
        batch.append_statement(SHORT_INSERT);
        batch.append_statement(insert.clone());
        let values = ((), (4, first + 1, "valued"), (4, first + 2, "prepared"));
        feature.step(step, session.batch(&batch, values).await);
    }
    let mut batch = Batch::new(BatchType::Counter);
    batch.append_statement(session.prepare("UPDATE hits SET n = n + ? WHERE page = ?").await?);
    batch.append_statement("UPDATE hits SET n = n + 7 WHERE page = 'home'");
    feature.step("counter", session.batch(&batch, ((scylla::value::Counter(5), "shop"), ())).await);
    let mut batch = Batch::new(BatchType::Logged);
    batch.append_statement(insert);
    batch.set_timestamp(Some(1_000_000));
    feature.step("with timestamp", session.batch(&batch, ((4, 7, "timed"),)).await);
    let text = "BEGIN UNLOGGED BATCH INSERT INTO items (k, c, v) VALUES (4, 8, 'x'); \
                DELETE FROM items WHERE k = 4 AND c = 1; APPLY BATCH";
    work.plain(&feature, "text", text).await;
    work.plain(&feature, "rows", "SELECT c, v FROM items WHERE k = 4").await;
    work.plain(&feature, "counters", "SELECT page, n FROM hits").await;
    work.plain(&feature, "write time", "SELECT writetime(v) FROM items WHERE k = 4 AND c = 7").await;
    Ok(())
}

pub async fn paging(work: &Work) -> Anything<()> {
    let feature = Feature("paging");
    let session = &work.session;
    let insert = session.prepare(INSERT).await?;
    for column in 0..50 {
        let row = (5, column, format!("row {column}"), i64::from(column));
        session.execute_unpaged(&insert, row).await?;
    }
    let plain = Statement::new("SELECT c, v FROM items WHERE k = 5").with_page_size(7);
    let (lengths, states) =
        pages(async |state| session.query_single_page(plain.clone(), (), state).await).await?;
    feature.note("pages", lengths);
    let rows = session.query_iter(plain.clone(), ()).await?.rows_stream::<(i32, String)>()?;
    let all: Vec<_> = rows.map_ok(|(column, _)| column.to_string()).try_collect().await?;
    feature.note("all", all);
    let (result, _) = session.query_single_page(plain, (), states[1].clone()).await?;
    let (first, _) = result.into_rows_result()?.first_row::<(i32, String)>()?;
    feature.note("resumed", first.to_string());
    let mut prepared = session.prepare("SELECT c, v FROM items WHERE k = ?").await?;
    prepared.set_page_size(7);
    let (lengths, _) = pages(async |state| session.execute_single_page(&prepared, (5,), state).await).await?;
    feature.note("prepared", lengths);
    Ok(())
}

/// The numbers of rows on each page, and the paging states after each but the last.
async fn pages<E: std::error::Error + 'static>(
    page: impl AsyncFn(PagingState) -> Result<(QueryResult, PagingStateResponse), E>,
) -> Anything<(Vec<String>, Vec<PagingState>)> {
    let (mut lengths, mut states) = (Vec::new(), Vec::new());
    let mut state = PagingState::start();
    loop {
        let (result, response) = page(state).await?;
        lengths.push(result.into_rows_result()?.rows_num().to_string());
        match response.into_paging_control_flow() {
            ControlFlow::Break(()) => return Ok((lengths, states)),
            ControlFlow::Continue(next) => {
                states.push(next.clone());
                state = next;
            }
        }
    }
}

pub async fn named(work: &Work) -> Anything<()> {
    let feature = Feature("named values");
    let text = "INSERT INTO items (k, c, v) VALUES (:key, :column, :value)";
    let values = |column| {
        HashMap::from([
            ("value", CqlValue::Text("named".to_owned())),
            ("column", CqlValue::Int(column)),
            ("key", CqlValue::Int(6)),
        ])
    };
    let insert = work.session.prepare(text).await?;
    feature.step("prepared", work.session.execute_unpaged(&insert, values(1)).await);
    feature.step("plain", work.session.query_unpaged(text, values(2)).await);
    work.plain(&feature, "rows", "SELECT c, v FROM items WHERE k = 6").await;
    Ok(())
}
