use tracing::instrument;

use crate::attachment::{Attachment, Reader};
use crate::get::GetOrderError;
use crate::order::OrderNumber;
use crate::{Orders, db};

impl Orders {
    /// The files of an order that the reader may see, in the order in which they came: at most
    /// [`crate::MAX_ATTACHMENTS`].
    #[instrument(name = "orders.list_attachments", skip_all)]
    pub async fn list_attachments(
        &self,
        reader: Reader,
        number: OrderNumber,
    ) -> Result<Vec<Attachment>, GetOrderError> {
        let mut connection = self.db.acquire().await?;
        let attachments = db::attachments::list(&mut connection, reader, number).await?;
        attachments.ok_or(GetOrderError::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::testing::{A_PDF, A_PNG, a_shop};

    #[tokio::test]
    async fn customers_see_the_files_of_their_own_orders_and_staff_those_of_any() {
        let (_platform, orders) = a_shop().await;
        let (ann, staff) = (orders.a_user(), orders.a_staff_member());
        let number = orders.a_placed_order(ann).await.number;
        let attach = async |name, file| {
            let file = Bytes::from_static(file);
            orders.attach(ann, number, name, file).await.unwrap()
        };
        let attached = [attach("a.png", A_PNG).await, attach("b.pdf", A_PDF).await];
        // What has not arrived is nobody's to see.
        let upload = orders.start_attachment(ann, number, "c.png", "image/png");
        upload.await.unwrap();

        for reader in [Reader::Customer(ann), Reader::Staff(staff)] {
            let listed = orders.list_attachments(reader, number).await.unwrap();
            assert_eq!(listed, attached);
        }
        let foreign = Reader::Customer(orders.a_user());
        let listed = orders.list_attachments(foreign, number).await;
        assert!(matches!(listed, Err(GetOrderError::NotFound)), "{listed:?}");
    }
}
