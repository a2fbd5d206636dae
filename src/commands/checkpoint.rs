//! `checkpoint commit|get|delete`: how far a consumer of a DIS stream has come.

use super::huawei_status::{failure_of, service};
use super::{Failure, Outcome, Session};
use crate::cli::args::{CheckpointCommand, CommitArgs, ConsumerArgs};
use crate::cli::json_line::JsonLine;
use crate::cli::printer::visible;
use crate::cli::settings::{HuaweiConnection, HuaweiService};
use crate::cli::summary::{for_machines, of_success};
use crate::huawei::{CommitFault, Wish, commit, delete, get, lock_name};
use crate::ledger::{HeldLock, checkpoint_lock};
use crate::limiter::shared_directory;
use crate::protocol::huawei::{Checkpoint, Consumer};
use crate::upload::report::Status;
use anyhow::anyhow;
use serde_json::json;
use std::time::{Duration, Instant};

/// How often a lock that another process holds is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Runs one of the three.
pub(super) async fn run(session: &Session, command: &CheckpointCommand) -> Outcome {
    match command {
        CheckpointCommand::Commit(args) => commit_checkpoint(session, args).await,
        CheckpointCommand::Get(args) => get_checkpoint(session, args).await,
        CheckpointCommand::Delete(args) => delete_checkpoint(session, args).await,
    }
}

fn connect(
    session: &Session,
    args: &ConsumerArgs,
) -> Result<(HuaweiConnection, Consumer), Failure> {
    let connection =
        HuaweiConnection::resolve(session.context(), args.huawei.parts(), HuaweiService::Dis)?;
    let consumer = Consumer {
        project: connection.project().clone(),
        stream: args.stream.clone(),
        app: args.app.clone(),
        partition: args.partition,
    };
    Ok((connection, consumer))
}

fn named(consumer: &Consumer) -> String {
    format!(
        "app {}, stream {}, partition {}",
        consumer.app, consumer.stream, consumer.partition
    )
}

async fn commit_checkpoint(session: &Session, args: &CommitArgs) -> Outcome {
    let (connection, consumer) = connect(session, &args.consumer)?;
    let mut service = service(&connection)?;
    let _held = lock(&connection, &consumer).await?;
    let wish = Wish {
        consumer,
        sequence: args.sequence,
        metadata: args.metadata.clone(),
        allow_rewind: args.allow_rewind,
        create_app: args.create_app,
    };
    let what = named(&wish.consumer);
    let committed = match commit(&mut service, &wish).await {
        Ok(committed) => committed,
        Err(CommitFault::Service { fault, asked }) => {
            let doing = if asked && fault.is_unknown() {
                format!(
                    "whether the checkpoint {} of {what} was committed is unknown; the same command looks and \
                     commits it if it was not",
                    wish.sequence
                )
            } else {
                format!(
                    "the checkpoint {} of {what} was not committed",
                    wish.sequence
                )
            };
            return Err(failure_of(fault, doing));
        }
        Err(rewind @ CommitFault::Rewind { .. }) => {
            return Err(Failure::new(
                Status::Refused,
                anyhow!(rewind).context(format!("the checkpoint of {what} stays")),
            ));
        }
    };
    let text = match committed.previous {
        Some(previous) if previous == wish.sequence => {
            format!(
                "the checkpoint of {what} is at {}, as it was",
                wish.sequence
            )
        }
        Some(previous) => {
            format!(
                "the checkpoint of {what} went from {previous} to {}",
                wish.sequence
            )
        }
        None => format!(
            "the checkpoint of {what} is at {}, its first",
            wish.sequence
        ),
    };
    let fields = json!({
        "sequence_number": wish.sequence.to_string(),
        "previous": committed.previous.map(|number| number.to_string()),
        "created_app": committed.created_app,
    });
    Ok(tell(session, &wish.consumer, &text, fields))
}

/// Takes the lock under which this machine commits the checkpoint, within the patience of the command.
async fn lock(connection: &HuaweiConnection, consumer: &Consumer) -> Result<HeldLock, Failure> {
    let shared = shared_directory().map_err(|error| Failure::new(Status::Usage, error))?;
    let name = lock_name(&connection.settings.host, consumer);
    let begun = Instant::now();
    loop {
        let tried =
            checkpoint_lock(&shared, &name).map_err(|error| Failure::new(Status::Usage, error))?;
        if let Some(held) = tried {
            return Ok(held);
        }
        if begun.elapsed() >= connection.backoff.budget {
            let text = format!(
                "another command is committing the checkpoint of {} and has not ended in the time of \
                 --retry-for; nothing was committed by this one",
                named(consumer)
            );
            return Err(Failure::new(Status::Busy, anyhow!(text)));
        }
        tokio::time::sleep(LOCK_INTERVAL).await;
    }
}

async fn get_checkpoint(session: &Session, args: &ConsumerArgs) -> Outcome {
    let (connection, consumer) = connect(session, args)?;
    let mut service = service(&connection)?;
    let what = named(&consumer);
    let found = get(&mut service, &consumer)
        .await
        .map_err(|fault| failure_of(fault, format!("cannot get the checkpoint of {what}")))?;
    let Some(Checkpoint { sequence, metadata }) = found else {
        let text = format!("{what} has no checkpoint yet");
        return Err(Failure::new(Status::Nothing, anyhow!(text)));
    };
    let mut text = format!("sequence number  {sequence}");
    if let Some(metadata) = &metadata {
        text = format!("{text}\nmetadata         {}", visible(metadata));
    }
    let fields = json!({"sequence_number": sequence.to_string(), "metadata": metadata});
    Ok(tell(session, &consumer, &text, fields))
}

async fn delete_checkpoint(session: &Session, args: &ConsumerArgs) -> Outcome {
    let (connection, consumer) = connect(session, args)?;
    let mut service = service(&connection)?;
    let what = named(&consumer);
    let _held = lock(&connection, &consumer).await?;
    let deleted = delete(&mut service, &consumer)
        .await
        .map_err(|fault| failure_of(fault, format!("the checkpoint of {what} was not deleted")))?;
    let text = if deleted {
        format!("the checkpoint of {what} is deleted")
    } else {
        format!("{what} had no checkpoint")
    };
    Ok(tell(session, &consumer, &text, json!({"deleted": deleted})))
}

/// Prints the result, for people or for programs.
fn tell(
    session: &Session,
    consumer: &Consumer,
    text: &str,
    mut fields: serde_json::Value,
) -> Status {
    let printer = &session.printer;
    if !printer.style().json {
        printer.result(text);
        return Status::Success;
    }
    if let Some(object) = fields.as_object_mut() {
        object.insert("stream".to_owned(), consumer.stream.as_str().into());
        object.insert("app".to_owned(), consumer.app.as_str().into());
        object.insert(
            "partition".to_owned(),
            consumer.partition.to_string().into(),
        );
    }
    printer.json_line(&JsonLine::new("checkpoint", fields));
    printer.json_line(&for_machines(&of_success()));
    Status::Success
}
