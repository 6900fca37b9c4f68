use platform::jobs::{JobError, JobResult, JobRun};

use crate::Billing;
use crate::jobs::ProcessWebhook;
use crate::provider::{ProviderError, RefundReply, Standing};

/// What the provider says now about the object of an event.
enum News {
    Payment(Standing),
    Refund(RefundReply),
}

impl Billing {
    /// Handles [`ProcessWebhook`]: fetches what the event is about, and acts on what it is now. What it was when the event
    /// was sent does not matter, so neither does the order of events.
    ///
    /// # Errors
    /// Decides whether the job is tried again.
    pub async fn process_webhook(self, run: JobRun, job: ProcessWebhook) -> JobResult {
        let Some(news) = self.look_again(&job).await? else {
            return run.complete_alone().await;
        };
        let mut tx = run.begin().await?;
        match news {
            News::Payment(standing) => self.settle_in_tx(&mut tx, standing).await?,
            News::Refund(reply) => {
                if let Some(id) = reply.refund_id() {
                    self.apply_refund_in_tx(&mut tx, id, &reply).await?;
                } else {
                    tracing::error!(reply.id, "somebody has refunded outside the application");
                }
            }
        }
        run.complete(tx).await
    }

    async fn look_again(&self, job: &ProcessWebhook) -> Result<Option<News>, JobError> {
        let id = &job.object_id;
        let news = match job.kind.split_once('.') {
            Some(("checkout", _)) => self.provider.session_standing(id).await.map(News::Payment),
            Some(("payment_intent", _)) => {
                self.provider.intent_standing(id).await.map(News::Payment)
            }
            Some(("refund", _) | ("charge", "refund.updated")) => {
                self.provider.refund(id).await.map(News::Refund)
            }
            _ => return Ok(None),
        };
        match news {
            Ok(news) => Ok(Some(news)),
            // A genuine event about something that we may not see: nothing can be done about it, now or later.
            Err(error @ ProviderError::Refused { .. }) => {
                tracing::warn!(job.event_id, job.kind, %error, "cannot look up a webhook's object");
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
