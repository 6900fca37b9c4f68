//! What is kept about people is known by column.

use tests::gates::personal::check;

use crate::gates::{broken, told};

#[tokio::test]
async fn every_column_says_whether_it_holds_a_persons_data() {
    let findings = check("").await;
    assert!(findings.is_empty(), "{}", told(&findings));
}

#[tokio::test]
async fn a_column_that_does_not_say_what_it_holds_is_refused() {
    let findings = check(
        "ALTER TABLE users.users ADD COLUMN telephone text, ADD COLUMN born_on date, ADD COLUMN visits integer;
         ALTER TABLE users.users ADD COLUMN locale text CHECK (locale IN ('en', 'de'));
         ALTER TABLE orders.orders ADD COLUMN remark text;
         COMMENT ON COLUMN orders.orders.remark IS 'personal: ';
         ALTER TABLE orders.orders ADD COLUMN gate text;
         COMMENT ON COLUMN orders.orders.gate IS 'not personal: where the parcel is handed over'",
    )
    .await;
    let places: Vec<_> = broken(&findings)
        .into_iter()
        .map(|(_, place)| place)
        .collect();
    assert_eq!(
        places,
        [
            "orders.orders.remark",
            "users.users.born_on",
            "users.users.telephone"
        ]
    );
}
