//! Keyspaces, tables and types: made, looked at, and changed.

use scylla::client::session::Session;
use scylla::cluster::metadata::Table;
use serde_json::json;

use crate::connection::{self, REPLICATED, eventually};
use crate::notation::type_name;
use crate::transcript::Feature;
use crate::{Anything, Work};

pub async fn schema(work: &Work) -> Anything<()> {
    let feature = Feature("schema");
    work.run(&format!("CREATE KEYSPACE {} {REPLICATED}", work.keyspace)).await?;
    work.session.use_keyspace(&work.keyspace, false).await?;
    for statement in work.script["schema"].as_array().into_iter().flatten() {
        work.run(statement.as_str().unwrap_or_default()).await?;
    }
    agreed(work, &feature).await?;
    let state = work.session.get_cluster_state();
    let keyspace = state.get_keyspace(&work.keyspace).ok_or("the keyspace is unknown")?;
    let mut tables: Vec<_> = keyspace.tables.keys().collect();
    tables.sort();
    feature.note("tables", json!(tables));
    let items = &keyspace.tables["items"];
    let mut columns: Vec<_> =
        items.columns.iter().map(|(name, column)| [name.clone(), type_name(&column.typ)]).collect();
    columns.sort();
    feature.note("items", json!(columns));
    feature.note("key", json!([items.partition_key, items.clustering_key]));
    let address = &keyspace.user_defined_types["address"];
    let fields: Vec<_> =
        address.field_types.iter().map(|(name, typ)| [name.to_string(), type_name(typ)]).collect();
    feature.note("type", json!(fields));
    Ok(())
}

async fn agreed(work: &Work, feature: &Feature) -> Anything<()> {
    feature.note("agreed", work.session.check_schema_agreement().await?.is_some());
    Ok(())
}

pub async fn using(work: &Work) -> Anything<()> {
    let feature = Feature("use");
    let other = format!("{}_b", work.keyspace);
    work.run(&format!("CREATE KEYSPACE {other} {REPLICATED}")).await?;
    work.run(&format!("CREATE TABLE {other}.t (k int PRIMARY KEY, v text)")).await?;
    work.run(&format!("INSERT INTO {other}.t (k, v) VALUES (1, 'there')")).await?;
    work.session.use_keyspace(&other, false).await?;
    work.plain(&feature, "other", "SELECT k, v FROM t").await;
    work.session.use_keyspace(&work.keyspace, false).await?;
    work.plain(&feature, "back", "SELECT count(*) FROM many").await;
    match work.session.use_keyspace(format!("{}_none", work.keyspace), false).await {
        Ok(()) => feature.note("missing", json!({})),
        Err(error) => feature.failed("missing", &error),
    }
    work.plain(&feature, "still", "SELECT count(*) FROM many").await;
    // The driver remembers even a keyspace that it could not use, and its next connections would fail for it.
    work.session.use_keyspace(&work.keyspace, false).await?;
    Ok(())
}

/// What `judge` says of the table as the session's metadata have it.
fn of_table<T>(session: &Session, keyspace: &str, table: &str, judge: impl Fn(Option<&Table>) -> T) -> T {
    let state = session.get_cluster_state();
    judge(state.get_keyspace(keyspace).and_then(|known| known.tables.get(table)))
}

pub async fn metadata(work: &Work) -> Anything<()> {
    let feature = Feature("metadata");
    let read = work.session.prepare("SELECT * FROM altered WHERE k = ?").await?;
    work.session.execute_unpaged(&read, (1,)).await?;
    work.run("INSERT INTO altered (k, v) VALUES (1, 'a')").await?;
    work.run("ALTER TABLE altered ADD extra int").await?;
    eventually(&work.session, |session| {
        of_table(session, &work.keyspace, "altered", |table| {
            table.is_some_and(|table| table.columns.contains_key("extra"))
        })
    })
    .await;
    let columns = of_table(&work.session, &work.keyspace, "altered", |table| {
        let mut names: Vec<_> = table.into_iter().flat_map(|table| table.columns.keys().cloned()).collect();
        names.sort();
        names
    });
    feature.note("columns", json!(columns));
    work.run("UPDATE altered SET extra = 7 WHERE k = 1").await?;
    feature.step("prepared before", work.session.execute_unpaged(&read, (1,)).await);
    agreed(work, &feature).await
}

pub async fn events(work: &Work) -> Anything<()> {
    let feature = Feature("events");
    let second = connection::to("CQL")?.build().await?;
    let knows = |session: &Session| of_table(session, &work.keyspace, "heard", |table| table.is_some());
    work.run("CREATE TABLE heard (k int PRIMARY KEY)").await?;
    feature.note("created", eventually(&second, knows).await);
    work.run("DROP TABLE heard").await?;
    feature.note("dropped", eventually(&second, |session| !knows(session)).await);
    feature.unsupported(
        "told",
        "no listener for changes of the schema",
        "https://rust-driver.docs.scylladb.com/stable/schema/schema.html",
    );
    Ok(())
}
