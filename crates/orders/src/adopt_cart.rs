use anyhow::Context as _;
use kernel::{CartId, TokenHash, UserId};
use tracing::instrument;

use crate::cart::{CartLine, CartOwner};
use crate::{Orders, db};

impl Orders {
    /// Moves what a browser's cart holds into the cart of the person who has just signed in there. Quantities add up;
    /// what the person's cart cannot take in is left out.
    #[instrument(name = "orders.adopt_cart", skip_all)]
    pub async fn adopt_cart(&self, user_id: UserId, token: TokenHash) -> anyhow::Result<()> {
        let (browser, person) = (CartOwner::Anonymous(token), CartOwner::User(user_id));
        let id = CartId::generate(&self.clock, &self.entropy);
        let mut tx = self.db.begin().await?;
        let Some(adopted) = db::carts::lock(&mut tx, &browser).await? else {
            return Ok(());
        };
        let id = db::carts::open(&mut tx, id, &person, self.clock.now()).await?;
        let from = db::carts::load(&mut tx, &browser).await?;
        let into = db::carts::load(&mut tx, &person).await?;
        let taken_in = |line: &CartLine| {
            let quantity = into.quantity_after_adding(&line.product, line.quantity);
            Some((line.product.id, quantity.ok()?))
        };
        let lines: Vec<_> = from.lines.iter().filter_map(taken_in).collect();
        db::carts::put(&mut tx, id, &lines).await?;
        db::carts::delete(&mut tx, adopted).await?;
        tx.commit().await.context("commit adopted cart")
    }
}

#[cfg(test)]
mod tests {
    use kernel::Token;

    use crate::cart::{CartOwner, Quantity};
    use crate::testing::a_shop;

    #[tokio::test]
    async fn a_browsers_cart_joins_the_persons() {
        let (_platform, orders) = a_shop().await;
        let ann = orders.a_user();
        let token = Token::generate(&orders.entropy).hash();
        let browser = CartOwner::Anonymous(token);
        let (both, one) = (orders.a_product().await, orders.a_product().await);
        orders.a_filled_cart(ann, &both, 60).await;
        let sixty = Quantity::try_from(60).unwrap();
        orders.add_to_cart(&browser, both.id, sixty).await.unwrap();
        orders
            .add_to_cart(&browser, one.id, Quantity::ONE)
            .await
            .unwrap();

        orders.adopt_cart(ann, token).await.unwrap();
        orders.adopt_cart(ann, token).await.unwrap();

        let cart = orders.show_cart(&CartOwner::User(ann)).await.unwrap();
        let quantities: Vec<_> = cart
            .lines
            .iter()
            .map(|line| (line.product.id, line.quantity.get()))
            .collect();
        let mut expected = [(both.id, 99), (one.id, 1)];
        expected.sort_unstable();
        assert_eq!(quantities, expected);
        assert!(orders.show_cart(&browser).await.unwrap().lines.is_empty());
    }
}
