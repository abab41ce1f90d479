//! Structures whose fields are each read by themselves, and only on demand. Whatever else an object has costs
//! nothing; of a repeated key the last one counts, as with most JSON parsers.

/// Makes a structure of borrowed fields, each with its key.
macro_rules! lenient {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident { $($field:ident: $key:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $visibility struct $name<'a> {
            $($field: Option<&'a serde_json::value::RawValue>,)+
        }

        const _: () = {
            use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

            #[derive(serde::Deserialize)]
            #[serde(field_identifier)]
            #[expect(non_camel_case_types, reason = "they are the names of the fields")]
            enum Key {
                $(#[serde(rename = $key)] $field,)+
                #[serde(other)]
                SomethingElse,
            }

            struct AnyObject<'a>(std::marker::PhantomData<&'a ()>);

            impl<'de: 'a, 'a> Visitor<'de> for AnyObject<'a> {
                type Value = $name<'a>;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }

                fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<$name<'a>, M::Error> {
                    let mut read = $name::default();
                    while let Some(key) = map.next_key()? {
                        match key {
                            $(Key::$field => read.$field = map.next_value()?,)+
                            Key::SomethingElse => drop(map.next_value::<IgnoredAny>()?),
                        }
                    }
                    Ok(read)
                }
            }

            impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    deserializer.deserialize_map(AnyObject(std::marker::PhantomData))
                }
            }
        };
    };
}

pub(super) use lenient;
