use chrono::DateTime;
use kernel::{Clock, Currency, Entropy, ProductId};
use proptest::prelude::*;

use super::*;

fn a_product(price: Money) -> Product {
    Product {
        id: ProductId::generate(&Clock::fixed(DateTime::UNIX_EPOCH), &Entropy::system()),
        slug: String::new(),
        category: String::new(),
        title: String::new(),
        summary: String::new(),
        description: String::new(),
        price,
        stock: 1,
        picture: String::new(),
    }
}

fn a_line(price: Money, quantity: u32) -> CartLine {
    CartLine::new(a_product(price), Quantity::try_from(quantity).unwrap()).unwrap()
}

const fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::Eur)
}

#[test]
fn an_empty_cart_has_no_total() {
    assert_eq!(Cart::new(Vec::new()).unwrap(), Cart::default());
    assert_eq!(Cart::default().total, None);
    assert_eq!(Cart::default().count(), 0);
}

#[test]
fn currencies_never_mix_in_a_cart() {
    let dollars = Money::new(100, Currency::Usd);
    let mixed = Cart::new(vec![a_line(eur(100), 1), a_line(dollars, 1)]);
    assert!(matches!(mixed, Err(MoneyError::CurrencyMismatch(..))));

    let cart = Cart::new(vec![a_line(eur(100), 1)]).unwrap();
    assert_eq!(
        cart.quantity_after_adding(&a_product(dollars), Quantity::ONE),
        Err(CartRefusal::OtherCurrency)
    );
}

#[test]
fn a_sum_beyond_an_integer_is_an_error() {
    let huge = eur(i64::MAX / 2);
    assert_eq!(
        CartLine::new(a_product(huge), Quantity::MAX),
        Err(MoneyError::OutOfRange)
    );
    let lines = vec![a_line(huge, 1), a_line(huge, 1), a_line(huge, 1)];
    assert_eq!(Cart::new(lines), Err(MoneyError::OutOfRange));
}

#[test]
fn a_full_cart_takes_more_of_what_it_holds_and_nothing_else() {
    let lines: Vec<_> = (0..Cart::MAX_LINES).map(|_| a_line(eur(1), 98)).collect();
    let held = lines[7].product.clone();
    let cart = Cart::new(lines).unwrap();
    let two = Quantity::try_from(2).unwrap();
    assert_eq!(cart.quantity_after_adding(&held, two), Ok(Quantity::MAX));
    assert_eq!(
        cart.quantity_after_adding(&a_product(eur(1)), two),
        Err(CartRefusal::Full)
    );
}

#[test]
fn a_quantity_is_at_least_one_and_at_most_99() {
    assert_eq!(Quantity::try_from(0), Err(InvalidQuantity));
    assert_eq!(Quantity::try_from(100), Err(InvalidQuantity));
    assert_eq!(Quantity::try_from(99), Ok(Quantity::MAX));
    assert_eq!(Quantity::MAX.saturating_add(Quantity::MAX), Quantity::MAX);
    assert!(serde_json::from_str::<Quantity>("0").is_err());
}

proptest! {
    /// Against arithmetic in wider integers, which cannot overflow.
    #[test]
    fn a_total_is_exact_or_an_error(lines in proptest::collection::vec((1..=i64::MAX, 1..=99_u32), 1..20)) {
        let exact: i128 = lines.iter().map(|(price, quantity)| i128::from(*price) * i128::from(*quantity)).sum();
        let summed = lines
            .iter()
            .map(|(price, quantity)| CartLine::new(a_product(eur(*price)), Quantity::try_from(*quantity).unwrap()))
            .collect::<Result<Vec<_>, _>>()
            .and_then(Cart::new);
        match (summed, i64::try_from(exact)) {
            (Ok(cart), Ok(exact)) => prop_assert_eq!(cart.total, Some(eur(exact))),
            (Err(MoneyError::OutOfRange), Err(_)) => {}
            (summed, _) => prop_assert!(false, "{summed:?} for {exact}"),
        }
    }
}
