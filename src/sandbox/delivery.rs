//! What goes back to a client, answer or fault, for every service of the sandbox alike.

use super::faults::FaultKind;

/// What goes back to the client; an answer has its service's own form.
#[derive(Debug)]
pub(super) enum Delivery<A> {
    /// An answer in the service's terms.
    Reply(A),
    /// This HTTP status and an HTML page, as a gateway would send.
    Page(u16),
    /// HTTP 200 with bytes that no decoder takes.
    Garbage,
    /// Nothing; the connection is reset.
    Cut,
    /// Nothing at all.
    Hang,
}

impl<A> Delivery<A> {
    /// What a fault makes of a request that is not stored; `status` is the answer with a code.
    pub(super) fn before_storing(fault: FaultKind, status: impl FnOnce(i32) -> A) -> Option<Self> {
        match fault {
            FaultKind::Http(code) => Some(Self::Page(code)),
            FaultKind::Status(code) => Some(Self::Reply(status(code))),
            FaultKind::ResetAfter => Some(Self::Cut),
            FaultKind::Hang => Some(Self::Hang),
            _ => None,
        }
    }

    /// What a fault makes of the answer to a request that was judged, and stored if it was good.
    pub(super) const fn after_storing(fault: FaultKind) -> Option<Self> {
        match fault {
            FaultKind::LostReply => Some(Self::Cut),
            FaultKind::LostReplyHttp(code) => Some(Self::Page(code)),
            FaultKind::Garbage => Some(Self::Garbage),
            _ => None,
        }
    }
}
