//! Checkpoints of DIS consumers: query, commit, delete.
//!
//! A commit looks first, before every attempt: a checkpoint never goes back unless that is asked for, not
//! even by an attempt of unknown outcome that is made again. The service has no conditional commit, so
//! whoever commits one partition's checkpoint from one machine holds a lock of it meanwhile
//! (`ledger::checkpoint_lock`). Committing a number again is harmless, so every attempt may be repeated.

use super::fault::Fault;
use super::service::Service;
use crate::protocol::huawei::{
    Checkpoint, CheckpointMetadata, Consumer, HuaweiCall, RefusalKind, SequenceNumber,
    decode_checkpoint,
};

/// What is to be committed.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose checkpoint.
    pub consumer: Consumer,
    /// The last record that was dealt with.
    pub sequence: SequenceNumber,
    /// Free text that goes with it.
    pub metadata: Option<CheckpointMetadata>,
    /// Whether it may go back.
    pub allow_rewind: bool,
    /// Whether the app is created when there is none.
    pub create_app: bool,
}

/// A checkpoint that is where it was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Where it was before; `None` when there was none.
    pub previous: Option<SequenceNumber>,
    /// Whether the app was created for it.
    pub created_app: bool,
}

/// Why a checkpoint was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitFault {
    /// It is further already.
    #[error(
        "the checkpoint is at {} already, and {wanted} lies before it; nothing was committed. Records up to {} \
         count as dealt with. If they are to be read again, give --allow-rewind", .there.number(), .there.number()
    )]
    Rewind {
        /// Where it is.
        there: SequenceNumber,
        /// Where it should have gone.
        wanted: SequenceNumber,
    },
    /// The service did not do it, or nobody knows.
    #[error("{fault}")]
    Service {
        /// What it answered.
        fault: Fault,
        /// Whether it was asked to: before that, the checkpoint is only looked at.
        asked: bool,
    },
}

/// By which name one machine locks the checkpoint of a consumer.
pub fn lock_name(host: &str, consumer: &Consumer) -> String {
    format!(
        "{host} {} {} {} {}",
        consumer.project, consumer.stream, consumer.app, consumer.partition
    )
}

/// Commits a checkpoint unless it is there, or further, already.
pub async fn commit(service: &mut Service, wish: &Wish) -> Result<Committed, CommitFault> {
    let mut attempts = service.attempts();
    let mut committed = Committed {
        previous: None,
        created_app: false,
    };
    let (mut first, mut asked) = (true, false);
    loop {
        attempts.begin();
        let done = commit_once(service, wish, &mut committed, (first, &mut asked)).await;
        first = false;
        let waited = match done {
            Ok(Ok(())) => return Ok(committed),
            Ok(Err(refused)) => return Err(refused),
            Err(fault) => attempts.wait_after(fault).await,
        };
        waited.map_err(|fault| CommitFault::Service { fault, asked })?;
    }
}

async fn commit_once(
    service: &mut Service,
    wish: &Wish,
    committed: &mut Committed,
    (is_first, asked): (bool, &mut bool),
) -> Result<Result<(), CommitFault>, Fault> {
    let there = match look(service, &wish.consumer).await {
        Err(fault) if wish.create_app && fault.refusal() == Some(RefusalKind::NoApp) => {
            create_app(service, &wish.consumer).await?;
            committed.created_app = true;
            None
        }
        looked => looked?,
    };
    if is_first {
        committed.previous = there.as_ref().map(|there| there.sequence);
    }
    if let Some(there) = &there {
        if there.sequence > wish.sequence && !wish.allow_rewind {
            return Ok(Err(CommitFault::Rewind {
                there: there.sequence,
                wanted: wish.sequence,
            }));
        }
        let metadata = wish.metadata.as_ref().map(CheckpointMetadata::as_str);
        if there.sequence == wish.sequence
            && metadata.is_none_or(|text| there.metadata.as_deref().unwrap_or_default() == text)
        {
            return Ok(Ok(()));
        }
    }
    *asked = true;
    let call = HuaweiCall::commit_checkpoint(&wish.consumer, wish.sequence, wish.metadata.as_ref());
    service.ask_once(&call).await?;
    Ok(Ok(()))
}

pub(super) async fn create_app(service: &mut Service, consumer: &Consumer) -> Result<(), Fault> {
    let call = HuaweiCall::create_app(&consumer.project, &consumer.app);
    match service.ask_once(&call).await {
        Err(fault) if fault.refusal() != Some(RefusalKind::AppExists) => Err(fault),
        _ => Ok(()),
    }
}

/// The checkpoint as it is; `None` when there is none.
pub async fn get(service: &mut Service, consumer: &Consumer) -> Result<Option<Checkpoint>, Fault> {
    let mut attempts = service.attempts();
    loop {
        attempts.begin();
        match look(service, consumer).await {
            Ok(found) => return Ok(found),
            Err(fault) => attempts.wait_after(fault).await?,
        }
    }
}

async fn look(service: &mut Service, consumer: &Consumer) -> Result<Option<Checkpoint>, Fault> {
    match service
        .ask_once(&HuaweiCall::query_checkpoint(consumer))
        .await
    {
        Err(fault) if fault.refusal() == Some(RefusalKind::NoCheckpoint) => Ok(None),
        Err(fault) => Err(fault),
        Ok(body) => decode_checkpoint(&body)
            .map_err(|_| service.unreadable("not with the checkpoint that was asked for")),
    }
}

/// Removes the checkpoint; whether there may have been one.
pub async fn delete(service: &mut Service, consumer: &Consumer) -> Result<bool, Fault> {
    let mut attempts = service.attempts();
    let call = HuaweiCall::delete_checkpoint(consumer);
    loop {
        attempts.begin();
        match service.ask_once(&call).await {
            Ok(_) => return Ok(true),
            Err(fault) if fault.refusal() == Some(RefusalKind::NoCheckpoint) => return Ok(false),
            Err(fault) => attempts.wait_after(fault).await?,
        }
    }
}
