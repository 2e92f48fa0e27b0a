//! `create_buffer`: a small sealed scene from content, or an empty scene or buffer for another program to fill.

use std::fmt::{self, Display};
use std::time::Duration;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use dcc_mcp_shm::{
    ArraySpec, BufferOptions, Descriptor, Domain, Dtype, Layout, Reference, SceneDataKind, SharedBuffer,
    SharedSceneBuffer, Store,
};
use dcc_mcp_shm_view::memory;
use indexmap::IndexMap;
use rmcp::model::JsonObject;
use rmcp::service::RequestContext;
use rmcp::{RoleServer, tool, tool_router};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reply::{Reply, ToolError};
use crate::report::Described;
use crate::spelling::given;
use crate::state::ShmServer;
use crate::work::Work;
use crate::{arguments, code, schema};

/// What is said where a name was given that has nothing in it.
pub(super) const NAMELESS: &str = "\nIt has no name, because the name that was given is empty.";
/// The standard alphabet, with padding or without, as other base64 has none at all.
const ANY_PADDING: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// Content passes through the model's context, so more than this is a mistake.
const MAX_CONTENT_BYTES: usize = 1 << 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Stored as UTF-8.
    text: Option<String>,
    /// Standard base64.
    base64: Option<String>,
    /// Layout, by array name.
    arrays: Option<IndexMap<String, Array>>,
    /// Bytes of an empty buffer.
    #[schemars(range(min = 1))]
    capacity: Option<u64>,
    /// Unique in the store.
    name: Option<String>,
    /// Take the name over; what has it is deleted.
    replace: Option<bool>,
    /// Default Arbitrary.
    kind: Option<SceneDataKind>,
    /// Program that the data is from.
    source_dcc: Option<String>,
    /// What it is a part of.
    group: Option<String>,
    /// Facts, such as upAxis.
    attrs: Option<JsonObject>,
    /// How long it stays unused; default 900, 0: until deleted.
    ttl_seconds: Option<u64>,
}

/// An array of a scene that another program fills.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Array {
    /// Such as `<f4`.
    dtype: Dtype,
    shape: Vec<u64>,
    #[schemars(with = "Option<String>")]
    /// point, corner, face, edge, instance, frame or constant.
    domain: Option<Domain>,
}

/// What the new buffer holds.
#[derive(Debug)]
enum Content {
    Data(Vec<u8>),
    Empty(Layout),
    Room(u64),
}

impl Arguments {
    fn take_content(&mut self) -> Result<Content, ToolError> {
        let given = (self.text.take(), self.base64.take(), self.arrays.take(), self.capacity);
        match given {
            (Some(text), None, None, None) => within_limit("text", text.into_bytes()),
            (None, Some(base64), None, None) => within_limit("base64", decode(&base64)?),
            (None, None, Some(arrays), None) => layout(arrays).map(Content::Empty),
            (None, None, None, Some(capacity)) => Ok(Content::Room(capacity)),
            (text, base64, arrays, capacity) => {
                let number = [text.is_some(), base64.is_some(), arrays.is_some(), capacity.is_some()];
                let number = number.into_iter().filter(|given| *given).count();
                Err(ToolError::new(
                    format!("Bad arguments: {number} of `text`, `base64`, `arrays` and `capacity` are given"),
                    "Give exactly one of them.",
                ))
            }
        }
    }

    fn options(self) -> BufferOptions {
        let mut options = BufferOptions::new(self.kind.unwrap_or_default())
            .source_dcc(given(self.source_dcc.unwrap_or_default()))
            .replace(self.replace.unwrap_or_default())
            .attrs(self.attrs.unwrap_or_default());
        if let Some(name) = self.name {
            options = options.name(given(name));
        }
        if let Some(group) = self.group {
            options = options.group(given(group));
        }
        if let Some(seconds) = self.ttl_seconds {
            options = options.ttl(Duration::from_secs(seconds));
        }
        options
    }

    fn create(mut self, store: &Store, work: &Work) -> Result<Created, ToolError> {
        let content = self.take_content()?;
        let is_nameless = take_blank(&mut self.name);
        let options = self.options();
        // The handle is dropped at once, because the buffer stays for its time to live without it.
        let id = match content {
            Content::Data(data) => SharedSceneBuffer::write(store, &data, &options)?.id(),
            Content::Empty(layout) => SharedSceneBuffer::create_empty(store, &layout, &options)?.id(),
            Content::Room(capacity) => SharedBuffer::create(store, capacity, &options)?.id(),
        };
        let reference = Reference::Id(id);
        // The client has cancelled the call, so nobody would ever be told of the buffer.
        if let Err(cancelled) = work.go_on() {
            store.delete(&reference)?;
            return Err(cancelled);
        }
        let described = store.describe(&reference).map_err(ToolError::from);
        let created = described.and_then(|descriptor| Created::new(descriptor, is_nameless));
        created.map_err(|error| {
            ToolError::new(
                format!("It was made, as {id}, and cannot be described: {error}"),
                "Do not make it again: call read_descriptor with this id.",
            )
        })
    }
}

/// The new buffer, described as `read_descriptor` would.
#[derive(Debug, Serialize, JsonSchema)]
struct Created {
    #[serde(flatten)]
    described: Described,
    /// For Blender, once it is sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_blender: Option<String>,
    /// Whether it goes by itself some time.
    #[serde(skip)]
    is_passing: bool,
    /// Whether a name was given and has nothing in it.
    #[serde(skip)]
    is_nameless: bool,
}

impl Created {
    fn new(descriptor: Descriptor, is_nameless: bool) -> Result<Self, ToolError> {
        let in_blender = code::in_blender(&descriptor);
        let is_passing = descriptor.ttl_seconds > 0.0;
        let described = Described::new(descriptor)?;
        Ok(Self {
            described,
            in_blender,
            is_passing,
            is_nameless,
        })
    }
}

impl Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Created. {}", self.described)?;
        if self.is_nameless {
            f.write_str(NAMELESS)?;
        }
        if self.is_passing {
            f.write_str("\nkeep_buffer makes it stay longer.")?;
        }
        let in_blender = self.in_blender.as_ref();
        in_blender.map_or(Ok(()), |code| write!(f, "\nIn Blender, once it is sealed: {code}"))
    }
}

/// Takes a name away that has nothing in it, and says whether it was there.
pub(super) fn take_blank(name: &mut Option<String>) -> bool {
    name.take_if(|name| name.trim().is_empty()).is_some()
}

fn layout(arrays: IndexMap<String, Array>) -> Result<Layout, ToolError> {
    if arrays.is_empty() {
        return Err(ToolError::argument(
            "arrays",
            "there is none in it",
            "Name at least one.",
        ));
    }
    let specs = arrays.into_iter().map(|(name, array)| {
        let spec = ArraySpec {
            dtype: array.dtype,
            shape: array.shape,
            domain: array.domain,
        };
        (name, spec)
    });
    Ok(Layout::new(specs)?)
}

fn decode(base64: &str) -> Result<Vec<u8>, ToolError> {
    let letters = base64_letters(base64)?;
    let mut data = memory::with_room(letters.len())?;
    let decoded = ANY_PADDING.decode_vec(letters, &mut data);
    decoded.map(|()| data).map_err(|error| {
        let advice = "Give base64 of the bytes, or `text`.";
        // The decoder's messages end with a full stop, and `ToolError` adds one.
        let problem = error.to_string();
        ToolError::argument("base64", problem.trim_end_matches('.'), advice)
    })
}

/// The letters of base64 in the standard alphabet, of a text that may be a `data:` address, have line breaks, or be in
/// the alphabet for addresses.
fn base64_letters(text: &str) -> Result<Vec<u8>, ToolError> {
    let text = text.trim();
    let is_address = text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
    let encoded = match text.split_once(',') {
        Some((head, encoded)) if is_address => {
            if !head.to_ascii_lowercase().ends_with(";base64") {
                let problem = "it is a data: address that is not in base64";
                return Err(ToolError::argument(
                    "base64",
                    problem,
                    "Encode it, or give it as `text`.",
                ));
            }
            encoded
        }
        _ => text,
    };
    let mut letters = memory::with_room(encoded.len())?;
    letters.extend(
        encoded
            .bytes()
            .filter(|byte| !byte.is_ascii_whitespace())
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            }),
    );
    Ok(letters)
}

fn within_limit(field: &str, data: Vec<u8>) -> Result<Content, ToolError> {
    if data.len() <= MAX_CONTENT_BYTES {
        return Ok(Content::Data(data));
    }
    let problem = format!("{} bytes are more than {MAX_CONTENT_BYTES}", data.len());
    let advice = "Create it with `arrays` or `capacity` instead and let the program that has the data fill it.";
    Err(ToolError::argument(field, problem, advice))
}

#[tool_router(router = create_buffer_router, vis = "pub(super)")]
impl ShmServer {
    #[tool(
        title = "Create a shared buffer",
        description = include_str!("create_buffer.md").trim_ascii_end(),
        annotations(read_only_hint = false, destructive_hint = true, idempotent_hint = false, open_world_hint = false),
        input_schema = schema::input::<Arguments>(),
        output_schema = schema::output::<Created>()
    )]
    async fn create_buffer(
        &self,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reply<Created>, ToolError> {
        let arguments: Arguments = arguments::parse(arguments)?;
        // Neither lane is the quick one, because reserving memory costs up to 0.3 s for each GiB. A name needs the
        // store's lock.
        if arguments.name.is_none() {
            return self
                .make(&context, move |store, work| arguments.create(store, work).map(Reply))
                .await;
        }
        self.change(&context, move |store, work| arguments.create(store, work).map(Reply))
            .await
    }
}
