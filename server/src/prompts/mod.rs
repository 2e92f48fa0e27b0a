//! Prompts: tasks that a person starts by name and the agent then carries out.

use std::path::Path;

use rmcp::ErrorData;
use rmcp::model::{GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage, Role};

use crate::code;

const EXPLAIN_STORE: &str = "explain_store";
pub(crate) const SHARE_SELECTION: &str = "share_selection";

/// Programs that a selection can come from; the first is the default.
pub(crate) const DCCS: [&str; 4] = ["Blender", "Maya", "Houdini", "Nuke"];

pub(crate) fn list() -> Vec<Prompt> {
    let dcc = PromptArgument::new("dcc").with_description("Blender (default), Maya, Houdini or Nuke");
    vec![
        Prompt::new(
            EXPLAIN_STORE,
            Some("What the DCC tools share on this machine, in a few sentences."),
            None,
        )
        .with_title("Explain what is shared"),
        Prompt::new(
            SHARE_SELECTION,
            Some("Hand what is selected in a DCC to the agent: code for the DCC, then the agent waits and looks."),
            Some(vec![dcc]),
        )
        .with_title("Share a selection"),
    ]
}

/// A prompt, filled in.
/// `store` is the directory that its code shares into.
///
/// # Errors
/// There is no prompt of this name, or the value of its argument is not one that it takes.
pub(crate) fn get(name: &str, arguments: Option<&JsonObject>, store: &Path) -> Result<GetPromptResult, ErrorData> {
    let text = match name {
        EXPLAIN_STORE => include_str!("explain_store.md").to_owned(),
        SHARE_SELECTION => share_selection(arguments, store)?,
        _ => {
            let problem = format!("There is no prompt {name:?}; there are {EXPLAIN_STORE} and {SHARE_SELECTION}");
            return Err(ErrorData::invalid_params(problem, None));
        }
    };
    let message = PromptMessage::new_text(Role::User, text.trim_end());
    Ok(GetPromptResult::new(vec![message]))
}

fn share_selection(arguments: Option<&JsonObject>, store: &Path) -> Result<String, ErrorData> {
    let dcc = match arguments.and_then(|arguments| arguments.get("dcc")) {
        None => DCCS[0],
        Some(given) => {
            let known = DCCS
                .into_iter()
                .find(|dcc| given.as_str().is_some_and(|given| given.eq_ignore_ascii_case(dcc)));
            known.ok_or_else(|| {
                let problem = format!("`dcc` is one of {}, not {given}", DCCS.join(", "));
                ErrorData::invalid_params(problem, None)
            })?
        }
    };
    let code = match dcc {
        "Maya" => include_str!("share_from_maya.py"),
        "Houdini" => include_str!("share_from_houdini.py"),
        "Nuke" => include_str!("share_from_nuke.py"),
        _ => include_str!("share_from_blender.py"),
    };
    let note = match dcc {
        "Maya" | "Houdini" => " It fills its arrays from the selection in {dcc}.",
        _ => "",
    };
    let back = match dcc {
        "Blender" => {
            " What you made of it I take back into {dcc}: `read_descriptor` with `for` \"blender\" shows how to share it, \
             and then gives what I run; show me that."
        }
        _ => "",
    };
    let argument = code::store_argument(store, "Store");
    let import = if argument.is_empty() { "" } else { "Store, " };
    let code = code.replace("{Store}", import).replace("{store}", &argument);
    let prompt = include_str!("share_selection.md")
        .replace("{note}", note)
        .replace("{back}", back);
    Ok(prompt.replace("{code}", code.trim_end()).replace("{dcc}", dcc))
}
