//! What a model is told when the store or a look fails. The facts come from the error; this module adds what to do next
//! with this server's tools.

use dcc_mcp_shm::{Error, SpaceLimit};
use dcc_mcp_shm_view::{LookError, TooLarge};

use crate::reply::ToolError;
use crate::text::capitalised;

impl From<Error> for ToolError {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound {
                store,
                store_is_missing: true,
                ..
            } => Self::new(
                format!("There is no store at {}", store.display()),
                "Nothing was shared there yet, or it was removed; a program in a container has a /dev/shm of its own. Tell \
                 the user if a program has shared something.",
            ),
            Error::NotFound { reference, store, .. } => Self::new(
                format!("Nothing is shared as {reference:?} in {}", store.display()),
                "It was deleted, it expired, or it was never there. Call list_buffers to see what exists.",
            ),
            Error::Stale { id, expected, found } => Self::new(
                format!(
                    "Slot {id} has been reused: the descriptor is of generation {expected}, the slot is at {found}"
                ),
                "Ask the program that made the descriptor for a new one.",
            ),
            Error::NameTaken { name, holder } => Self::argument(
                "name",
                format!("{name:?} is taken by {holder}"),
                "Choose another name, or set `replace` to delete that buffer and take its name.",
            ),
            Error::InvalidArgument { argument, problem } => {
                Self::argument(argument, problem, "Correct it and call the tool again.")
            }
            Error::StoreFull {
                requested,
                available,
                limit,
                reclaimable,
            } => full(*requested, *available, *limit, *reclaimable),
            Error::InvalidDescriptor { problem } => Self::new(
                format!("Invalid descriptor: {problem}"),
                "Pass the descriptor unchanged, or only its `id`.",
            ),
            Error::Damaged { path, problem } => Self::new(
                format!("{} is damaged: {problem}", path.display()),
                "Its data cannot be used. Ask the program that made it to write it again.",
            ),
            error if error.newer_version().is_some() => Self::new(
                capitalised(&error.to_string()),
                "Tell the user: dcc-mcp-shm has to be updated where this server runs. Nothing is damaged, so delete nothing.",
            ),
            Error::NotSealed { state, .. } => Self::new(
                format!("The scene is still {state}, so there is no data to read"),
                "Call the tool again once the program that fills it has finished.",
            ),
            Error::Changed { .. } => Self::new(
                "The data was rewritten while it was read, twice",
                "Call the tool again when its writer pauses, or ask the writer for a scene, which never changes.",
            ),
            Error::Interrupted { .. } => Self::new(
                "The last writer died while it wrote, so the data is not whole",
                "Ask the program that the buffer belongs to to write again.",
            ),
            Error::WrongRole { found: "pool", .. } => Self::pool(),
            Error::OutOfMemory { action, requested, .. } => Self::new(
                match requested {
                    Some(requested) => format!("There is no memory for {requested} bytes that this call needs"),
                    None => format!("There is no memory to {action} a file of the store"),
                },
                "The server goes on. End what needs memory, or raise the limit of the server's \
                 process (ulimit -v), then call the tool again.",
            ),
            Error::NoSuchArray { .. } => Self::new(
                capitalised(&error.to_string()),
                "Choose one of them, or leave the argument out.",
            ),
            Error::Busy { what, waited, holder } => Self::new(
                match holder {
                    Some(holder) => capitalised(&format!("{what} was held by {holder} for {waited:?}")),
                    None => format!("Somebody else held {what} for {waited:?}"),
                },
                match holder {
                    Some(holder) if holder.stopped => "Tell the user: that process must go on or end.",
                    _ => "Call the tool again in a moment.",
                },
            ),
            error => Self::new(
                capitalised(&error.to_string()),
                "If calling the tool again does not help, tell the user.",
            ),
        }
    }
}

/// There is no room for what was asked for.
fn full(requested: u64, available: u64, limit: SpaceLimit, reclaimable: u64) -> ToolError {
    if limit == SpaceLimit::FileSize {
        return ToolError::new(
            format!("{requested} bytes were asked for, and {available} are possible ({limit})"),
            "Ask for less, or start this server with a higher limit.",
        );
    }
    ToolError::new(
        format!(
            "The store is full: {}, and {reclaimable} bytes are in buffers that no program has open",
            limit.shortage(requested, available)
        ),
        "Ask for less, or free memory: list_buffers shows sizes, and delete_buffer frees what is no longer needed.",
    )
}

impl From<LookError> for ToolError {
    fn from(error: LookError) -> Self {
        let fact = capitalised(&error.to_string());
        let advice = match error {
            LookError::Data(error) => return error.into(),
            LookError::Cancelled => return Self::cancelled(),
            LookError::BehindTheEnd { .. } => {
                let advice = "Start at `next` of the previous result, or leave it out.";
                return Self::argument("start", error, advice);
            }
            LookError::NoRows => return Self::argument("format", error, "Use `text`, `hex` or `base64`."),
            LookError::NotText { .. } => return Self::argument("format", error, "Use `hex` or `base64`."),
            LookError::NoSuchFrame(_) => return Self::argument("frame", error, "Leave it out to see some of all."),
            LookError::TooManyTiles { .. } => {
                return Self::argument("frame", error, "Ask for fewer, in several calls.");
            }
            LookError::NoImage { .. } => {
                return Self::argument(
                    "array",
                    error,
                    "Its numbers: read_buffer. Leave `array` out to see the whole.",
                );
            }
            LookError::NoSuchLayer { .. } => {
                return Self::argument("array", error, "Choose one of them, or leave it out.");
            }
            LookError::NothingToDraw { .. } => {
                "It can show `position` of shape (points, 3) or (frames, points, 3), pixels of shape (height, width, 1 to \
                 4), a Screenshot without arrays whose attributes say `width` and `height`, and PNG, JPEG, WebP or EXR. \
                 Use read_descriptor for code that maps the data."
            }
            LookError::WrongSize { .. } => {
                "Ask the program that wrote it to correct `width`, `height`, `channels` or `dtype`."
            }
            LookError::EdgeTooLong { .. } => "It is too large to be shown; map it with the code from read_descriptor.",
            LookError::NoPoints | LookError::NowhereFinite { .. } | LookError::OnePlace { .. } => {
                "There is nothing to draw; ask the program that made it."
            }
            LookError::NoFace { .. } => {
                "Ask the program that made the mesh to write it again; map it with the code from read_descriptor to look \
                 closer."
            }
            LookError::NothingSeen { .. } => "Choose another `view`.",
            LookError::Undecodable { .. } => {
                "The file is damaged, or of a kind that is not decoded here; ask the program that made it for a common one."
            }
            LookError::TooLarge {
                problem: TooLarge::Image(_),
                ..
            } => "Ask the program that made it for a smaller one.",
            LookError::TooLarge { .. } => {
                "Ask the program that made it for a smaller one, or for raw pixels, which may have any size."
            }
            LookError::NoReadablePart { .. } => {
                "Ask the program that made it for a flat part of RGB or RGBA, compressed as ZIP."
            }
            LookError::Unencodable { .. } => "Ask for a smaller `max_edge`.",
        };
        Self::new(fact, advice)
    }
}

#[cfg(test)]
mod tests {
    use dcc_mcp_shm_view::{LeftOut, View};

    use super::*;

    fn no_face(one_in: u64, broken: u64) -> LookError {
        let left_out = LeftOut {
            one_in,
            broken,
            few: 0,
            many: 0,
            unplaced: 0,
            late: 0,
        };
        LookError::NoFace { left_out }
    }

    #[test]
    fn an_agent_is_told_what_is_the_matter_and_what_to_do() {
        let cases = [
            (
                LookError::Cancelled,
                "The call was cancelled. Call the tool again if its result is still needed.",
            ),
            (
                LookError::TooManyTiles { asked: 12, limit: 9 },
                "Bad argument `frame`: 12 frames and sides are more than the 9 that one picture shows. Ask for fewer, in \
                 several calls.",
            ),
            (
                LookError::NoSuchLayer {
                    wanted: "depht".to_owned(),
                    meant: Vec::new(),
                    there: vec!["depth".to_owned(), "N".to_owned()],
                    problems: Vec::new(),
                },
                "Bad argument `array`: there is no \"depht\"; there are \"depth\", \"N\". Choose one of them, or leave it out.",
            ),
            (
                LookError::OnePlace {
                    one_in: 2,
                    place: [1.0, 0.5, 1e-4],
                },
                "All points of the 1 in 2 that were looked at lie at (1, 0.5, 0.0001). There is nothing to draw; ask the \
                 program that made it.",
            ),
            (
                no_face(1, 2),
                "No face can be drawn. Left out: 2 faces whose corners or points are not there. Ask the program that made \
                 the mesh to write it again; map it with the code from read_descriptor to look closer.",
            ),
            (
                no_face(7, 0),
                "One in 7 faces was looked at, and none of them can be drawn. Ask the program that made the mesh to write \
                 it again; map it with the code from read_descriptor to look closer.",
            ),
            (
                LookError::NothingSeen { view: View::Top },
                "Nothing is to be seen from the top: the faces are seen from their edges, or have no area. Choose another \
                 `view`.",
            ),
            (
                LookError::TooLarge {
                    format: "EXR",
                    problem: TooLarge::Image([1, 200_000]),
                },
                "The EXR is too large to be shown: 1 × 200000 pixels. Ask the program that made it for a smaller one.",
            ),
            (
                LookError::TooLarge {
                    format: "PNG",
                    problem: TooLarge::Memory(9),
                },
                "The PNG is too large to be shown: decoding takes more than 9 bytes of memory. Ask the program that made it \
                 for a smaller one, or for raw pixels, which may have any size.",
            ),
            (
                LookError::NoReadablePart {
                    problems: vec!["part \"a\" is deep".to_owned(), "part \"b\" is damaged".to_owned()],
                },
                "The EXR has nothing that can be shown: part \"a\" is deep; part \"b\" is damaged. Ask the program that made \
                 it for a flat part of RGB or RGBA, compressed as ZIP.",
            ),
            (
                LookError::Unencodable {
                    problem: "it is Tuesday".into(),
                },
                "The picture cannot be encoded: it is Tuesday. Ask for a smaller `max_edge`.",
            ),
        ];
        for (error, told) in cases {
            assert_eq!(ToolError::from(error).to_string(), told);
        }
    }
}
