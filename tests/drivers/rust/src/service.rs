//! Connections: what a client finds, many requests at once, restarts, passwords, TLS.

use std::env;
use std::time::{Duration, Instant};

use futures::future::join_all;
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVerifyMode};
use scylla::client::Compression;
use scylla::client::session_builder::SessionBuilder;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryResult;
use serde_json::{Value, json};

use crate::connection::{self, REPLICATED};
use crate::statements::SHORT_INSERT;
use crate::transcript::{Feature, failure, rows};
use crate::{Anything, Work};

const REQUESTS: i32 = 1000;
const DOCUMENTATION: &str = "https://docs.rs/scylla/1.9.0/scylla/client/session/struct.Session.html";

pub async fn connect(work: &Work) -> Anything<()> {
    let feature = Feature("connect");
    feature.unsupported("protocol", "the driver speaks version 4, and does not tell it", DOCUMENTATION);
    let local = "SELECT key, bootstrapped, cluster_name, cql_version, data_center, native_protocol_version, \
                 partitioner, rack, release_version FROM system.local";
    work.plain(&feature, "local", local).await;
    Ok(())
}

pub async fn discover(work: &Work) -> Anything<()> {
    let feature = Feature("discover");
    let state = work.session.get_cluster_state();
    let nodes: Vec<Value> = state
        .get_nodes_info()
        .iter()
        .map(|node| {
            json!({
                "address": node.address.ip().to_string(),
                "datacenter": node.datacenter,
                "rack": node.rack,
            })
        })
        .collect();
    feature.note("nodes", nodes);
    work.plain(&feature, "peers", "SELECT count(*) FROM system.peers").await;
    work.plain(&feature, "peers_v2", "SELECT count(*) FROM system.peers_v2").await;
    Ok(())
}

pub async fn concurrency(work: &Work) -> Anything<()> {
    let feature = Feature("concurrency");
    let insert = work.session.prepare("INSERT INTO many (k, v) VALUES (?, ?)").await?;
    let writes =
        join_all((0..REQUESTS).map(|i| work.session.execute_unpaged(&insert, (i, 7 * i64::from(i)))));
    let (_, writes) = outcome(writes.await);
    feature.note("writes", writes);
    let select = work.session.prepare("SELECT v FROM many WHERE k = ?").await?;
    let reads = join_all((0..REQUESTS).map(|i| work.session.execute_unpaged(&select, (i,))));
    let (results, mut reads) = outcome(reads.await);
    let mut sum = 0;
    for result in results {
        sum += result.into_rows_result()?.single_row::<(i64,)>()?.0;
    }
    reads["sum"] = sum.to_string().into();
    feature.note("reads", reads);
    Ok(())
}

fn outcome(answers: Vec<Result<QueryResult, ExecutionError>>) -> (Vec<QueryResult>, Value) {
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(result) => results.push(result),
            Err(error) => errors.push(failure(&error)),
        }
    }
    let said = json!({"done": results.len().to_string(), "errors": errors});
    (results, said)
}

pub async fn compression(work: &Work) -> Anything<()> {
    let feature = Feature("compression");
    let session = connection::to("CQL")?
        .compression(Some(Compression::Lz4))
        .use_keyspace(&work.keyspace, false)
        .build()
        .await?;
    feature.unsupported("algorithm", "the driver does not tell what was agreed on", DOCUMENTATION);
    let insert = session.prepare(SHORT_INSERT).await?;
    session.execute_unpaged(&insert, (11, 1, "y".repeat(100_000))).await?;
    let read = session.prepare("SELECT v FROM items WHERE k = ? AND c = ?").await?;
    let result = session.execute_unpaged(&read, (11, 1)).await?.into_rows_result()?;
    feature.note("large", result.single_row::<(String,)>()?.0.len().to_string());
    Ok(())
}

pub async fn reconnection(work: &mut Work) -> Anything<()> {
    let select = work.session.prepare("SELECT v FROM items WHERE k = ? AND c = ?").await?;
    let insert = work.session.prepare(SHORT_INSERT).await?;
    work.session.execute_unpaged(&select, (1, 1)).await?;
    work.session.execute_unpaged(&insert, (12, 0, "before")).await?;
    work.ask("restart").await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    let answer = loop {
        let answer = work.session.query_unpaged("SELECT v FROM items WHERE k = 1 AND c = 1", ()).await;
        if answer.is_ok() || Instant::now() > deadline {
            break answer;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    Feature("reconnection").step("answer", answer);
    let feature = Feature("repreparation");
    feature.step("read", work.session.execute_unpaged(&select, (1, 1)).await);
    feature.step("write", work.session.execute_unpaged(&insert, (12, 1, "after")).await);
    work.plain(&feature, "rows", "SELECT v FROM items WHERE k = 12").await;
    Ok(())
}

fn guarded() -> Anything<String> {
    Ok(format!("{}_auth", env::var("CQL_KEYSPACE")?))
}

fn owner(prefix: &str) -> Anything<SessionBuilder> {
    Ok(connection::to(prefix)?.user(env::var("CQL_USERNAME")?, env::var("CQL_PASSWORD")?))
}

/// What a client of its own reads there.
async fn read_by(builder: SessionBuilder) -> Anything<Value> {
    let session = builder.build().await?;
    rows(session.query_unpaged(format!("SELECT k, v FROM {}.t", guarded()?), ()).await?)
}

async fn note_read(feature: &Feature, step: &str, builder: SessionBuilder) {
    match read_by(builder).await {
        Ok(answer) => feature.note(step, answer),
        Err(error) => feature.failed(step, error.as_ref()),
    }
}

pub async fn authentication() -> Anything<()> {
    let feature = Feature("authentication");
    let keyspace = guarded()?;
    let session = owner("CQL_AUTH")?.build().await?;
    session.query_unpaged(format!("CREATE KEYSPACE {keyspace} {REPLICATED}"), ()).await?;
    session.query_unpaged(format!("CREATE TABLE {keyspace}.t (k int PRIMARY KEY, v text)"), ()).await?;
    let insert = session.prepare(format!("INSERT INTO {keyspace}.t (k, v) VALUES (?, ?)")).await?;
    session.execute_unpaged(&insert, (1, "mine")).await?;
    feature.step("accepted", session.query_unpaged(format!("SELECT k, v FROM {keyspace}.t"), ()).await);
    let other =
        connection::to("CQL_AUTH")?.user(env::var("CQL_OTHER_USERNAME")?, env::var("CQL_OTHER_PASSWORD")?);
    note_read(&feature, "forbidden", other).await;
    let wrong = connection::to("CQL_AUTH")?.user(env::var("CQL_USERNAME")?, "wrong");
    note_read(&feature, "wrong password", wrong).await;
    note_read(&feature, "no password", connection::to("CQL_AUTH")?).await;
    Ok(())
}

fn trusting() -> Anything<SslContext> {
    let mut context = SslContextBuilder::new(SslMethod::tls())?;
    context.set_ca_file(env::var("CQL_CA_FILE")?)?;
    context.set_verify(SslVerifyMode::PEER);
    Ok(context.build())
}

pub async fn tls() -> Anything<()> {
    let feature = Feature("tls");
    let session = owner("CQL_TLS")?.tls_context(Some(trusting()?)).build().await?;
    let insert = session.prepare(format!("INSERT INTO {}.t (k, v) VALUES (?, ?)", guarded()?)).await?;
    session.execute_unpaged(&insert, (2, "secret")).await?;
    note_read(&feature, "accepted", owner("CQL_TLS")?.tls_context(Some(trusting()?))).await;
    let unknowing = SslContextBuilder::new(SslMethod::tls())?.build();
    let untrusted = owner("CQL_TLS")?.tls_context(Some(unknowing)).build().await;
    feature.note("untrusted", if untrusted.is_ok() { "accepted" } else { "refused" });
    Ok(())
}
