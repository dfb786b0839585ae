//! Does the work of tests/drivers/README.md with the `scylla` crate, and writes its transcript to standard output.

mod connection;
mod notation;
mod schema;
mod service;
mod settings;
mod statements;
mod transcript;
mod values;

use std::env;

use scylla::client::session::Session;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin, stdin};

use crate::transcript::Feature;

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

/// The script of work under way.
struct Work {
    session: Session,
    keyspace: String,
    script: Value,
    asked: Lines<BufReader<Stdin>>,
}

impl Work {
    /// Executes what only prepares the ground.
    async fn run(&self, statement: &str) -> Anything<()> {
        self.session.query_unpaged(statement, ()).await?;
        Ok(())
    }

    /// Executes a statement, and writes down what it gave.
    async fn plain(&self, feature: &Feature, step: &str, statement: &str) {
        feature.step(step, self.session.query_unpaged(statement, ()).await);
    }

    /// Waits until the suite has done what the script asks for.
    async fn ask(&mut self, what: &str) -> Anything<()> {
        transcript::say(json!({"ask": what}));
        self.asked.next_line().await?;
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Anything<()> {
    let script = std::fs::read_to_string(env::var("CQL_SCRIPT")?)?;
    let mut work = Work {
        session: connection::to("CQL")?.build().await?,
        keyspace: env::var("CQL_KEYSPACE")?,
        script: serde_json::from_str(&script)?,
        asked: BufReader::new(stdin()).lines(),
    };
    transcript::say(json!({"client": "scylla", "version": env!("SCYLLA_VERSION")}));
    service::connect(&work).await?;
    service::discover(&work).await?;
    schema::schema(&work).await?;
    statements::statements(&work).await?;
    values::types(&work).await?;
    values::nulls(&work).await?;
    values::collections(&work).await?;
    values::others(&work).await?;
    statements::conditional(&work).await?;
    statements::counters(&work).await?;
    work.ask("middle").await?;
    statements::batches(&work).await?;
    statements::paging(&work).await?;
    statements::named(&work).await?;
    schema::using(&work).await?;
    schema::metadata(&work).await?;
    schema::events(&work).await?;
    settings::tracing(&work).await?;
    settings::consistency(&work).await?;
    settings::timestamps(&work).await?;
    settings::ttl(&work).await?;
    settings::errors(&work).await?;
    service::concurrency(&work).await?;
    service::compression(&work).await?;
    service::reconnection(&mut work).await?;
    service::authentication().await?;
    service::tls().await?;
    Ok(())
}
