//! The provider's lists, compared a page at a time. A page costs one call and two statements; what does not agree at once
//! is looked at closely.

use std::collections::HashMap;

use anyhow::Context as _;
use platform::jobs::JobError;

use super::verdict::{self, Verdict};
use crate::provider::{Charge, RefundReply, Window};
use crate::{Billing, db};

impl Billing {
    pub(super) async fn compare_charges(&self, window: Window) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let page = self.provider.list_charges(window, after.as_deref()).await?;
            self.compare_page_of_charges(&page.items).await?;
            match page.last_id {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn compare_page_of_charges(&self, charges: &[Charge]) -> Result<(), JobError> {
        let ids: Vec<_> = charges.iter().map(|it| it.intent_id.clone()).collect();
        let mut connection = self.db.acquire().await?;
        let payments = db::payments::list_of_intents(&mut connection, &ids)
            .await
            .context("list payments of charges")?;
        drop(connection);
        let ours: HashMap<_, _> = payments
            .iter()
            .filter_map(|payment| Some((payment.intent_id.as_deref()?, payment)))
            .collect();
        let mut agreed = Vec::new();
        let mut suspects = Vec::new();
        for Charge {
            intent_id,
            standing,
        } in charges
        {
            let payment = ours.get(intent_id.as_str()).copied();
            match verdict::of_charge(intent_id, payment, Some(standing)) {
                Verdict::Agrees => agreed.push(intent_id.clone()),
                Verdict::Nothing => {}
                Verdict::News | Verdict::Differs(_) => suspects.push(intent_id),
            }
        }
        self.confirm_charges(&agreed).await?;
        for suspect in suspects {
            self.examine_charge(suspect).await?;
        }
        Ok(())
    }

    pub(super) async fn compare_refunds(&self, window: Window) -> Result<(), JobError> {
        let mut after = None;
        loop {
            let page = self.provider.list_refunds(window, after.as_deref()).await?;
            self.compare_page_of_refunds(&page.items).await?;
            match page.last_id {
                Some(last) => after = Some(last),
                None => return Ok(()),
            }
        }
    }

    async fn compare_page_of_refunds(&self, replies: &[RefundReply]) -> Result<(), JobError> {
        let ids: Vec<_> = replies.iter().filter_map(RefundReply::refund_id).collect();
        let mut connection = self.db.acquire().await?;
        let refunds = db::refunds::list(&mut connection, &ids)
            .await
            .context("list refunds")?;
        drop(connection);
        let ours: HashMap<_, _> = refunds.iter().map(|refund| (refund.id, refund)).collect();
        let mut agreed = Vec::new();
        let mut suspects = Vec::new();
        for reply in replies {
            let refund = reply.refund_id().and_then(|id| ours.get(&id).copied());
            // Whose charge it was is looked up only for refunds that nobody here has asked for.
            match verdict::of_refund(refund, Some(reply), true) {
                Verdict::Agrees => agreed.push(reply.id.clone()),
                Verdict::Nothing => {}
                Verdict::News | Verdict::Differs(_) => suspects.push(reply.id.as_str()),
            }
        }
        self.confirm_refunds(&agreed).await?;
        for suspect in suspects {
            self.examine_refund(suspect).await?;
        }
        Ok(())
    }

    pub(super) async fn confirm_charges(&self, intent_ids: &[String]) -> anyhow::Result<()> {
        let mut connection = self.db.acquire().await?;
        db::reconciliation::confirm_payments(&mut connection, intent_ids, self.clock.now())
            .await
            .context("confirm payments")
    }

    pub(super) async fn confirm_refunds(&self, refund_ids: &[String]) -> anyhow::Result<()> {
        let mut connection = self.db.acquire().await?;
        db::reconciliation::confirm_refunds(&mut connection, refund_ids, self.clock.now())
            .await
            .context("confirm refunds")
    }
}
