use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::*;
use crate::attachment::Reader;
use crate::testing::a_shop;

#[test]
fn every_motif_is_shown_and_every_product_has_a_name_of_its_own() {
    let shelves = shelves().unwrap();
    let items = || shelves.iter().flat_map(|shelf| &shelf.products);
    assert_eq!(shelves.len(), 6);
    assert!(items().count() >= 60);
    let slugs: BTreeSet<_> = items().map(|item| slug_of(&item.title)).collect();
    assert_eq!(slugs.len(), items().count());
    let shown: BTreeSet<_> = items().map(|item| item.motif.as_str()).collect();
    let drawn: BTreeSet<_> = motifs::MOTIFS.iter().map(|(name, _)| *name).collect();
    assert_eq!(shown, drawn);
}

#[test]
fn every_picture_is_drawn_in_full_colour() {
    for (position, shelf) in shelves().unwrap().iter().enumerate() {
        for item in &shelf.products {
            let picture = picture::picture(&item.title, position, &item.motif, &item.colours);
            let picture = picture.unwrap();
            assert!(!picture.contains('@'), "{}: {picture}", item.title);
            assert!(!picture.contains("style"), "{}: {picture}", item.title);
        }
    }
    assert_eq!(picture::picture("x", 0, "unicorn", "rust"), None);
}

#[tokio::test]
async fn the_demo_shop_is_filled_once() {
    let (platform, orders) = a_shop().await;
    for _ in 0..2 {
        orders.seed_catalogue(Currency::Eur).await.unwrap();
    }
    let files = platform.stored_files().await;
    assert_eq!(files.len(), 66);
    let mug = orders.get_product("everyday-mug").await.unwrap();
    let picture = orders.find_picture(&mug.picture).await.unwrap().unwrap();
    assert_eq!(picture.content_type, "image/svg+xml");
    assert_eq!(orders.list_categories().await.unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn shelves_that_many_put_up_at_once_stand_there_once() {
    let (_platform, orders) = a_shop().await;
    for round in 0..200 {
        let mut adding = JoinSet::new();
        for _ in 0..5 {
            let db = orders.db.clone();
            adding.spawn(async move {
                let shelf = |slug: String| Category {
                    title: slug.clone(),
                    slug,
                };
                let shelves = ["left", "right"].map(|side| shelf(format!("{side}-{round}")));
                let mut tx = db.begin().await.unwrap();
                db::catalogue::add_categories(&mut tx, &shelves)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            });
        }
        adding.join_all().await;
    }
    assert_eq!(orders.list_categories().await.unwrap().len(), 400);
}

#[tokio::test]
async fn demo_orders_have_a_past_and_are_placed_once() {
    let (_platform, orders) = a_shop().await;
    orders.seed_catalogue(Currency::Eur).await.unwrap();
    let customer = DemoCustomer {
        user_id: orders.a_user(),
        name: "Ann Lee".into(),
        email: "ann@example.com".parse().unwrap(),
    };
    let placed = orders.seed_orders(&customer).await.unwrap();
    let becomes: BTreeSet<_> = placed.iter().map(|demo| demo.becomes).collect();
    assert_eq!(becomes, BTreeSet::from(OrderStatus::ALL));
    assert!(placed.is_sorted_by_key(|demo| demo.order.placed_at));
    let shipped = OrderStatus::Shipped;
    let shipped = placed.iter().find(|demo| demo.becomes == shipped).unwrap();
    let reader = Reader::Customer(customer.user_id);
    let files = orders.list_attachments(reader, shipped.order.number).await;
    let [photo] = &files.unwrap()[..] else {
        panic!("one photo")
    };
    assert_eq!(photo.name.as_str(), "dented-parcel.png");
    assert!(orders.seed_orders(&customer).await.unwrap().is_empty());
}
