//! The few shapes that the plots are made of, in colours that read well in light and in dark.

use std::fmt::Write as _;

/// A drawing, in pixels from its upper left corner.
pub(crate) struct Drawing {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text starts from, or ends.
#[derive(Clone, Copy)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The background stays clear, so that the page's own shows; the colours follow the reader's scheme.
const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#24292f}\
.title{font-size:15px;font-weight:600}.note{font-size:12px;fill:#57606a}.ours{font-weight:600}\
.grid{stroke:#d0d7de;stroke-width:1}\
rect.ours{fill:#0969da}rect.raw{fill:#8c959f}rect.peer{fill:#afb8c1}\
path{fill:none;stroke-width:2}path.ours{stroke:#0969da}path.raw{stroke:#8c959f}path.peer{stroke:#bc4c00}\
circle.ours{fill:#0969da}circle.raw{fill:#8c959f}circle.peer{fill:#bc4c00}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.note{fill:#8d96a0}.grid{stroke:#30363d}\
rect.ours,circle.ours{fill:#4493f8}path.ours{stroke:#4493f8}\
rect.raw,circle.raw{fill:#8b949e}path.raw{stroke:#8b949e}rect.peer{fill:#484f58}\
circle.peer{fill:#f0883e}path.peer{stroke:#f0883e}}";

impl Drawing {
    pub(crate) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    fn push(&mut self, element: std::fmt::Arguments<'_>) {
        writeln!(self.body, "{element}").expect("a string takes it");
    }

    pub(crate) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        let (x, y) = at;
        self.push(format_args!(
            r#"<text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#
        ));
    }

    pub(crate) fn bar(&mut self, class: &str, at: (f64, f64), width: f64, height: f64) {
        let (x, y) = at;
        self.push(format_args!(
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="2"/>"#
        ));
    }

    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(format_args!(
            r#"<line class="grid" x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}"/>"#
        ));
    }

    /// A line through the points, with a dot on each.
    pub(crate) fn curve(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (n, (x, y)) in points.iter().enumerate() {
            let letter = if n == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{x:.1} {y:.1}").expect("a string takes it");
        }
        self.push(format_args!(r#"<path class="{class}" d="{path}"/>"#));
        for (x, y) in points {
            self.push(format_args!(
                r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3"/>"#
            ));
        }
    }

    /// The file. `title` is what a screen reader says.
    pub(crate) fn finish(self, title: &str) -> String {
        let Self {
            width,
            height,
            body,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}</svg>\n"
        )
    }
}
