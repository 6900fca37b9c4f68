use kernel::Currency;
use platform::testing::start_of_time;
use tokio::task::JoinSet;

use super::*;
use crate::order::OrderStatus;
use crate::testing::{a_shop, an_address};
use crate::{OrderNumber, TimelineEntry};

#[tokio::test]
async fn an_order_takes_stock_empties_the_cart_and_tells_the_others() {
    let (platform, orders) = a_shop().await;
    let ann = orders.a_user();
    let product = orders.a_product().await;
    let command = orders.a_filled_cart(ann, &product, 3).await;

    let order = orders.place(ann, command).await.unwrap();

    assert_eq!(order.total, Money::new(3_750, Currency::Eur));
    assert_eq!(order.delivery, an_address());
    assert_eq!(orders.stock_of(&product).await, 7);
    let cart = orders.show_cart(&CartOwner::User(ann)).await.unwrap();
    assert!(cart.lines.is_empty());
    let tracked = orders.get(ann, order.number).await.unwrap();
    assert_eq!(tracked.order, order);
    let placed = TimelineEntry {
        status: OrderStatus::Placed,
        entered_at: start_of_time(),
    };
    assert_eq!(tracked.timeline, [placed]);
    assert_eq!(
        platform.published::<OrderPlaced>().await,
        [OrderPlaced::from(&order)]
    );
    let confirmation = SendConfirmation { order_id: order.id };
    assert_eq!(platform.jobs_of::<SendConfirmation>().await, [confirmation]);
}

#[tokio::test]
async fn numbers_have_six_digits_and_ascend() {
    let (_platform, orders) = a_shop().await;
    let first = orders.a_placed_order(orders.a_user()).await;
    let second = orders.a_placed_order(orders.a_user()).await;
    assert_eq!(first.number, OrderNumber::new(100_001));
    assert!(second.number > first.number);
}

#[tokio::test]
async fn an_empty_cart_cannot_be_placed() {
    let (platform, orders) = a_shop().await;
    let (ann, product) = (orders.a_user(), orders.a_product().await);
    let command = orders.a_filled_cart(ann, &product, 1).await;
    let bob = orders.a_user();
    let placed = orders.place(bob, command.clone()).await;
    assert!(matches!(placed, Err(PlaceError::EmptyCart)));

    orders
        .remove_from_cart(&CartOwner::User(ann), product.id)
        .await
        .unwrap();
    let placed = orders.place(ann, command).await;
    assert!(matches!(placed, Err(PlaceError::EmptyCart)));
    assert!(platform.published::<OrderPlaced>().await.is_empty());
}

#[tokio::test]
async fn a_price_that_rose_since_checkout_was_shown_is_not_charged() {
    let (platform, orders) = a_shop().await;
    let (ann, product) = (orders.a_user(), orders.a_product().await);
    let seen = orders.a_filled_cart(ann, &product, 1).await;
    let now = orders.a_filled_cart(ann, &product, 1).await.expected_total;

    let placed = orders.place(ann, seen).await;

    assert!(matches!(placed, Err(PlaceError::TotalChanged { total }) if total == now));
    assert_eq!(orders.stock_of(&product).await, 10);
    assert!(platform.published::<OrderPlaced>().await.is_empty());
    assert!(platform.jobs_waiting().await.is_empty());
}

#[tokio::test]
async fn an_order_that_one_product_is_missing_for_takes_nothing() {
    let (platform, orders) = a_shop().await;
    let ann = orders.a_user();
    let plenty = orders.a_product().await;
    let scarce = orders
        .a_product_with(|product| {
            product.title = "Scarce".into();
            product.stock = 1;
        })
        .await;
    orders.a_filled_cart(ann, &plenty, 1).await;
    let command = orders.a_filled_cart(ann, &scarce, 2).await;

    let Err(PlaceError::OutOfStock { titles }) = orders.place(ann, command).await else {
        panic!("two were ordered and there is one")
    };

    assert_eq!(titles, ["Scarce"]);
    assert_eq!(orders.stock_of(&plenty).await, 10);
    let cart = orders.show_cart(&CartOwner::User(ann)).await.unwrap();
    assert_eq!(cart.lines.len(), 2);
    assert!(platform.published::<OrderPlaced>().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_buyers_of_the_last_item_one_gets_it() {
    let (platform, orders) = a_shop().await;
    let last = orders.a_product_with(|product| product.stock = 1).await;
    let mut carts = Vec::new();
    for _ in 0..20 {
        let buyer = orders.a_user();
        carts.push((buyer, orders.a_filled_cart(buyer, &last, 1).await));
    }
    let mut buyers = JoinSet::new();
    for (buyer, command) in carts {
        let orders = orders.clone();
        buyers.spawn(async move { orders.place(buyer, command).await });
    }

    let (placed, refused): (Vec<_>, Vec<_>) =
        buyers.join_all().await.into_iter().partition(Result::is_ok);

    assert_eq!(placed.len(), 1);
    for refusal in refused {
        assert!(
            matches!(refusal, Err(PlaceError::OutOfStock { .. })),
            "{refusal:?}"
        );
    }
    assert_eq!(orders.stock_of(&last).await, 0);
    assert_eq!(platform.published::<OrderPlaced>().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_clicks_on_the_button_one_places_the_order() {
    let (_platform, orders) = a_shop().await;
    let (ann, product) = (orders.a_user(), orders.a_product().await);
    let command = orders.a_filled_cart(ann, &product, 1).await;
    let mut clicks = JoinSet::new();
    for _ in 0..8 {
        let (orders, command) = (orders.clone(), command.clone());
        clicks.spawn(async move { orders.place(ann, command).await });
    }

    let placed = clicks.join_all().await.into_iter().flatten().count();

    assert_eq!(placed, 1);
    assert_eq!(orders.stock_of(&product).await, 9);
}

/// Carts name products in any order; the locks do not, or some of these would wait for each other in a circle.
#[tokio::test(flavor = "multi_thread")]
async fn crossing_orders_do_not_deadlock() {
    let (_platform, orders) = a_shop().await;
    let (one, two) = (orders.a_product().await, orders.a_product().await);
    let mut carts = Vec::new();
    for buyer in 0..10 {
        let user_id = orders.a_user();
        let (first, second) = if buyer % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        orders.a_filled_cart(user_id, first, 1).await;
        let command = orders.a_filled_cart(user_id, second, 1).await;
        carts.push((user_id, command));
    }
    let mut buyers = JoinSet::new();
    for (user_id, command) in carts {
        let orders = orders.clone();
        buyers.spawn(async move {
            let order = orders.place(user_id, command).await?;
            let cancelled = orders.cancel(user_id, order.number).await;
            cancelled.map_err(anyhow::Error::from)?;
            Ok::<_, PlaceError>(())
        });
    }
    for outcome in buyers.join_all().await {
        outcome.unwrap();
    }
    assert_eq!(orders.stock_of(&one).await, 10);
    assert_eq!(orders.stock_of(&two).await, 10);
}

#[tokio::test]
async fn a_product_that_left_the_shelves_counts_as_out_of_stock() {
    let (_platform, orders) = a_shop().await;
    let (ann, product) = (orders.a_user(), orders.a_product().await);
    let command = orders.a_filled_cart(ann, &product, 1).await;
    orders.retire(&product).await;

    let placed = orders.place(ann, command).await;

    assert!(matches!(placed, Err(PlaceError::OutOfStock { .. })));
}
