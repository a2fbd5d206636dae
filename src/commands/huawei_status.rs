//! What commands that ask Huawei's services have in common: the client, and the exit status of a fault.

use super::Failure;
use crate::cli::settings::HuaweiConnection;
use crate::domain::Verdict;
use crate::http::HuaweiClient;
use crate::huawei::{Fault, Service};
use crate::protocol::huawei::RefusalKind;
use crate::upload::report::Status;

/// A client for the service.
pub(super) fn service(connection: &HuaweiConnection) -> Result<Service, Failure> {
    let client = HuaweiClient::new(&connection.settings)
        .map_err(|error| Failure::new(Status::Usage, error))?;
    Ok(Service::new(client, connection.backoff))
}

/// The failure of a command that was doing something.
pub(super) fn failure_of(fault: Fault, doing: String) -> Failure {
    let status = status_of(&fault);
    Failure::new(status, anyhow::Error::new(fault).context(doing))
}

/// The exit status of a fault (`cli.md` section 3).
pub(super) fn status_of(fault: &Fault) -> Status {
    if matches!(
        fault.refusal(),
        Some(RefusalKind::BlackListed | RefusalKind::AppBusy)
    ) {
        return Status::Temporary;
    }
    match fault.verdict() {
        Verdict::Throttled | Verdict::ServerError | Verdict::Unknown | Verdict::NotSent => {
            Status::Temporary
        }
        Verdict::Unauthorized => Status::Unauthorized,
        _ => Status::Refused,
    }
}
