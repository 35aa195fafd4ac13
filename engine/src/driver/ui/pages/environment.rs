//! What the application was given as configuration, without secrets.

use super::{Place, nothing, page};
use crate::driver::ui::html::Html;
use crate::driver::ui::view::View;

pub(in crate::driver) fn environment(view: &View, conf: &[(String, String)]) -> String {
    let mut body = Html::default();
    body.put("<h2>Configuration</h2>", &[]);
    if conf.is_empty() {
        nothing(&mut body, "Nothing was configured.");
    } else {
        body.put("<div class=\"wide\"><table><tr><th>Name</th><th>Value</th></tr>", &[]);
        for (name, value) in conf {
            body.put("<tr><td><code>{}</code></td><td class=\"text\"><code>{}</code></td></tr>", &[name, value]);
        }
        body.put(
            "</table></div><p class=\"soft\">Values whose names say that they are secrets are not shown.</p>",
            &[],
        );
    }
    page(view, &Place::top("environment", "environment", false), body)
}
