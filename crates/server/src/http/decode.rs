//! Turns JSON documents, forms and query strings into types, and says in plain words what does not fit, and where.
//!
//! The text becomes a tree of [`Node`]s first, and serde reads the tree. Reading the text directly would answer in Rust's
//! words ("expected struct `CredentialsBody` with 2 elements"), and would take a list for an object: what serde derives for
//! a struct accepts its fields in order as well.

mod faults;
#[cfg(test)]
mod fuzz;
mod node;
#[cfg(test)]
mod tests;

use serde::de::value::StringDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, IntoDeserializer as _, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

pub(crate) use faults::Faults;
pub(crate) use node::Node;

/// The methods for whole numbers, which differ in their range alone.
macro_rules! whole_number {
    ($($method:ident $type:ty => $visit:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
            let written = match &self {
                Node::Number(number) => number.to_string(),
                Node::Word(word) => word.trim().to_owned(),
                _ => String::new(),
            };
            match written.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) if written.parse::<i128>().is_ok() => Err(Faults::new(format!(
                    "Must be a whole number from {} to {}.",
                    <$type>::MIN,
                    <$type>::MAX
                ))),
                Err(_) => Err(Faults::new("Must be a whole number.")),
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Node {
    type Error = Faults;

    whole_number! {
        deserialize_i8 i8 => visit_i8,
        deserialize_i16 i16 => visit_i16,
        deserialize_i32 i32 => visit_i32,
        deserialize_i64 i64 => visit_i64,
        deserialize_u8 u8 => visit_u8,
        deserialize_u16 u16 => visit_u16,
        deserialize_u32 u32 => visit_u32,
        deserialize_u64 u64 => visit_u64,
    }

    forward_to_deserialize_any! { f32 f64 char bytes byte_buf unit unit_struct identifier }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Flag(value) => visitor.visit_bool(value),
            Self::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(value), ..) => visitor.visit_i64(value),
                (_, Some(value), _) => visitor.visit_u64(value),
                (.., Some(value)) => visitor.visit_f64(value),
                _ => Err(Faults::new("Must be a number.")),
            },
            Self::Text(text) | Self::Word(text) => visitor.visit_string(text),
            Self::List(items) => visitor.visit_seq(Items {
                next: 0,
                rest: items.into_iter(),
            }),
            Self::Object(members) | Self::OpenObject(members) => {
                visitor.visit_map(Members::of(members))
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            Self::Flag(value) => visitor.visit_bool(value),
            Self::Word(word) if word == "true" => visitor.visit_bool(true),
            Self::Word(word) if word == "false" => visitor.visit_bool(false),
            _ => Err(Faults::new("Must be true or false.")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            Self::Text(text) | Self::Word(text) => visitor.visit_string(text),
            _ => Err(Faults::new("Must be a string.")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            Self::Null => visitor.visit_none(),
            value => visitor.visit_some(value),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Faults> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            list @ Self::List(_) => list.deserialize_any(visitor),
            _ => Err(Faults::new("Must be a list.")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Faults> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Faults> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        match self {
            Self::Object(members) | Self::OpenObject(members) => {
                visitor.visit_map(Members::of(members))
            }
            _ => Err(Faults::new("Must be an object.")),
        }
    }

    /// The one place that knows all fields of a type: what else there is, is refused here, all of it at once.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Faults> {
        if let Self::Object(members) = &self {
            let names = members.iter().map(|(name, _)| name.as_str());
            let unknown = Faults::unknown(names.filter(|name| !fields.contains(name)));
            if !unknown.is_empty() {
                return Err(unknown);
            }
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Faults> {
        match self {
            Self::Text(text) | Self::Word(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(Faults::new("Must be a string.")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Faults> {
        visitor.visit_unit()
    }
}

struct Items {
    next: usize,
    rest: std::vec::IntoIter<Node>,
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Faults;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Faults> {
        let Some(item) = self.rest.next() else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let item = seed.deserialize(item);
        item.map(Some).map_err(|faults| faults.in_item(index))
    }
}

struct Members {
    rest: std::vec::IntoIter<(String, Node)>,
    value: Option<(String, Node)>,
}

impl Members {
    fn of(members: Vec<(String, Node)>) -> Self {
        Self {
            rest: members.into_iter(),
            value: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = Faults;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Faults> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        let key: StringDeserializer<Faults> = name.clone().into_deserializer();
        self.value = Some((name, value));
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Faults> {
        let (name, value) = self.value.take().expect("serde asks for a key first");
        seed.deserialize(value)
            .map_err(|faults| faults.in_member(&name))
    }
}
