use http::StatusCode;
use platform::jobs::JobError;
use platform::outbound::OutboundError;

use super::wire::ErrorReply;

/// Why a call to the provider brought no answer of use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// The request was understood and refused. Repeating it changes nothing.
    #[error("the provider refused ({status}, {code}): {message}")]
    Refused {
        status: StatusCode,
        code: String,
        message: String,
    },
    /// The provider does not accept our key. Repeating helps once the setting is right.
    #[error("the provider does not accept our key ({0})")]
    KeyRefused(StatusCode),
    /// The provider is busy, broken, or still at work on the same key. Repeating helps.
    #[error("the provider could not answer ({0})")]
    Unavailable(StatusCode),
    /// Nothing came back. Whether the provider acted is unknown; the key makes repeating safe.
    #[error("no answer from the provider")]
    NoAnswer(#[from] OutboundError),
    /// The answer is not what the provider documents.
    #[error("the provider's answer cannot be read")]
    Unreadable(#[source] anyhow::Error),
}

impl ProviderError {
    /// Reads an answer that is not a success.
    pub(super) fn from_reply(status: StatusCode, body: &[u8]) -> Self {
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Self::KeyRefused(status),
            // 409: the first call with this key is still being served.
            StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => Self::Unavailable(status),
            status if status.is_client_error() => {
                let error = serde_json::from_slice::<ErrorReply>(body)
                    .unwrap_or_default()
                    .error;
                Self::Refused {
                    status,
                    code: error.code.or(error.kind).unwrap_or_default(),
                    message: error.message.unwrap_or_default(),
                }
            }
            _ => Self::Unavailable(status),
        }
    }

    /// Tells an object that is not there from one that cannot be seen just now.
    pub(crate) fn found<T>(result: Result<T, Self>) -> Result<Option<T>, Self> {
        match result {
            Ok(found) => Ok(Some(found)),
            Err(Self::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether repeating the call cannot help.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

impl From<ProviderError> for JobError {
    fn from(error: ProviderError) -> Self {
        if error.is_final() {
            Self::fail(error)
        } else {
            Self::Retry(error.into())
        }
    }
}
