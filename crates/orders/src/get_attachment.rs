use std::time::Duration;

use anyhow::Context as _;
use kernel::AttachmentId;
use tracing::instrument;
use url::Url;

use crate::attachment::{Attachment, Reader, file_key};
use crate::db::attachments::Entry;
use crate::order::OrderNumber;
use crate::{Orders, db};

/// Enough to follow the address at once, and too little to pass it on.
const ADDRESS_GOOD_FOR: Duration = Duration::from_mins(5);

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
pub enum GetAttachmentError {
    /// There is none of this id, or it belongs to another order, or to somebody else's.
    #[error("there is no such file")]
    NotFound,
    /// Something else went wrong.
    #[error(transparent)]
    Unexpected(#[from] anyhow::Error),
}

impl Orders {
    /// A file of an order that the reader may see, and an address to save it from, good for five minutes. A browser that
    /// follows it saves the file: nothing that a customer has sent is shown as a page.
    #[instrument(name = "orders.get_attachment", skip_all)]
    pub async fn get_attachment(
        &self,
        reader: Reader,
        number: OrderNumber,
        id: AttachmentId,
    ) -> Result<(Attachment, Url), GetAttachmentError> {
        let mut connection = self.db.acquire().await?;
        let found = db::attachments::find(&mut connection, reader, number, id).await?;
        drop(connection);
        let Some(Entry::Attached(attachment)) = found else {
            return Err(GetAttachmentError::NotFound);
        };
        let (key, name) = (file_key(id)?, attachment.name.as_str());
        let url = self.storage.presign_get(&key, ADDRESS_GOOD_FOR, Some(name));
        let url = url.await.context("sign address of attachment")?;
        Ok((attachment, url))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Method;
    use platform::storage::SignedRequest;

    use super::*;
    use crate::testing::{A_PNG, a_shop};

    #[tokio::test]
    async fn a_file_is_saved_under_its_name_by_whoever_may_see_the_order() {
        let (platform, orders) = a_shop().await;
        let (ann, staff) = (orders.a_user(), orders.a_staff_member());
        let number = orders.a_placed_order(ann).await.number;
        let file = Bytes::from_static(A_PNG);
        let attached = orders.attach(ann, number, "box.png", file).await.unwrap();

        for reader in [Reader::Customer(ann), Reader::Staff(staff)] {
            let got = orders.get_attachment(reader, number, attached.id).await;
            let (attachment, url) = got.unwrap();
            assert_eq!(attachment, attached);
            let key = url.path().strip_prefix("/files/").unwrap();
            let query = url.query().unwrap();
            let permitted = platform.storage.verify_signed(&Method::GET, key, query);
            let saved = SignedRequest::Get {
                key: file_key(attached.id).unwrap(),
                content_disposition: Some("attachment; filename=\"box.png\"".into()),
            };
            assert_eq!(permitted, Ok(saved));
        }
    }

    #[tokio::test]
    async fn a_file_is_found_under_its_own_order_and_by_its_own_customer_alone() {
        let (_platform, orders) = a_shop().await;
        let (ann, bob) = (orders.a_user(), orders.a_user());
        let number = orders.a_placed_order(ann).await.number;
        let other = orders.a_placed_order(ann).await.number;
        let bobs = orders.a_placed_order(bob).await.number;
        let file = Bytes::from_static(A_PNG);
        let attached = orders.attach(ann, number, "box.png", file).await.unwrap();
        let staff = Reader::Staff(orders.a_staff_member());

        for (reader, number) in [
            (Reader::Customer(bob), number),
            (Reader::Customer(bob), bobs),
            (Reader::Customer(ann), other),
            (staff, other),
        ] {
            let got = orders.get_attachment(reader, number, attached.id).await;
            assert!(matches!(got, Err(GetAttachmentError::NotFound)), "{got:?}");
        }
    }
}
