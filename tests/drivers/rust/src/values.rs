//! Values of all types, written and read.

use scylla::statement::prepared::PreparedStatement;
use scylla::value::{CqlValue, MaybeUnset, Row};
use serde_json::{Value, json};

use crate::notation::notation;
use crate::statements::INSERT;
use crate::transcript::{Feature, failure};
use crate::{Anything, Work};

pub async fn types(work: &Work) -> Anything<()> {
    round_trips(work, "types").await
}

pub async fn collections(work: &Work) -> Anything<()> {
    round_trips(work, "collections").await?;
    work.run("UPDATE collections SET v0 = v0 + [9], v1 = v1 + {'new'}, v2['more'] = 5 WHERE k = '0 1'")
        .await?;
    let read = "SELECT v0, v1, v2 FROM collections WHERE k = '0 1'";
    work.plain(&Feature("collections"), "changed", read).await;
    Ok(())
}

/// User-defined types, tuples and vectors.
pub async fn others(work: &Work) -> Anything<()> {
    round_trips(work, "udt").await?;
    round_trips(work, "tuple").await?;
    round_trips(work, "vector").await
}

/// Values of each type, written as literals, read, and written as they were read.
async fn round_trips(work: &Work, name: &'static str) -> Anything<()> {
    let types = work.script["round_trips"][name].as_object().ok_or("no such group")?;
    let columns: String = types.keys().enumerate().map(|(i, typ)| format!(", v{i} {typ}")).collect();
    work.run(&format!("CREATE TABLE {name} (k text PRIMARY KEY{columns})")).await?;
    for (i, (typ, literals)) in types.iter().enumerate() {
        let select = work.session.prepare(format!("SELECT v{i} FROM {name} WHERE k = ?")).await?;
        let insert = work.session.prepare(format!("INSERT INTO {name} (k, v{i}) VALUES (?, ?)")).await?;
        let (mut read, mut again) = (Vec::<Value>::new(), Vec::<Value>::new());
        for (j, literal) in literals.as_array().into_iter().flatten().enumerate() {
            let key = format!("{i} {j}");
            let literal = literal.as_str().unwrap_or_default();
            work.run(&format!("INSERT INTO {name} (k, v{i}) VALUES ('{key}', {literal})")).await?;
            match value(work, &select, &key).await {
                Ok(value) => {
                    read.push(notation(value.as_ref()));
                    let written = written_again(work, &insert, &select, &key, value).await;
                    again.push(written.unwrap_or_else(|error| failure(error.as_ref())));
                }
                Err(error) => read.push(failure(error.as_ref())),
            }
        }
        Feature(name).note(typ, json!({"read": read, "again": again}));
    }
    Ok(())
}

async fn value(work: &Work, select: &PreparedStatement, key: &str) -> Anything<Option<CqlValue>> {
    let result = work.session.execute_unpaged(select, (key,)).await?.into_rows_result()?;
    Ok(result.single_row::<Row>()?.columns.swap_remove(0))
}

async fn written_again(
    work: &Work,
    insert: &PreparedStatement,
    select: &PreparedStatement,
    key: &str,
    read: Option<CqlValue>,
) -> Anything<Value> {
    let key = format!("{key} again");
    work.session.execute_unpaged(insert, (&key, read)).await?;
    Ok(notation(value(work, select, &key).await?.as_ref()))
}

pub async fn nulls(work: &Work) -> Anything<()> {
    let feature = Feature("nulls");
    let insert = work.session.prepare(INSERT).await?;
    let read = work.session.prepare("SELECT v, w FROM items WHERE k = ? AND c = ?").await?;
    let null = MaybeUnset::Set(None::<&str>);
    for (step, column, value, number) in [
        ("null", 1, null, 1_i64),
        ("", 2, MaybeUnset::Set(Some("kept")), 1),
        ("unset", 2, MaybeUnset::Unset, 2),
        ("null again", 2, null, 3),
    ] {
        work.session.execute_unpaged(&insert, (2, column, value, number)).await?;
        if !step.is_empty() {
            feature.step(step, work.session.execute_unpaged(&read, (2, column)).await);
        }
    }
    Ok(())
}
