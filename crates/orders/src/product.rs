use kernel::{Money, ProductId};

/// Something to buy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// The id that carts and orders know it by.
    pub id: ProductId,
    /// The name in addresses; never changes.
    pub slug: String,
    /// The slug of its category.
    pub category: String,
    /// What it is called.
    pub title: String,
    /// One sentence.
    pub summary: String,
    /// A paragraph or two of plain text.
    pub description: String,
    /// The price of one.
    pub price: Money,
    /// How many there are; none of a product that was taken off the shelf.
    pub stock: u32,
    /// The name of its picture, see [`crate::Orders::find_picture`].
    pub picture: String,
}

/// A shelf of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// The name in addresses.
    pub slug: String,
    /// What it is called.
    pub title: String,
}

/// `text` if it can be the name of a product or category in addresses, else the empty text, which names none. So nothing
/// reaches the database that it would take offence at.
pub(crate) fn as_slug(text: &str) -> &str {
    let is_slug = text.len() <= 100
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_slug { text } else { "" }
}
