//! Draws `results.tsv`: the contest as bars, growth as curves.

use crate::keys::Algorithm;
use crate::peers::{OURS, RAW};
use crate::results::{Results, Row, digits, duration};
use crate::svg::{Anchor, Drawing};

const WIDTH: f64 = 880.0;
const NAMES: f64 = 158.0;
const PANEL: f64 = WIDTH / 2.0;
const LINE: f64 = 21.0;

fn class(who: &str) -> &'static str {
    match who {
        RAW => "raw",
        who if who.starts_with(OURS) => "ours",
        _ => "peer",
    }
}

/// A quarter of the picture for each algorithm: how many times the raw signature's time a verification takes.
pub(crate) fn contest(results: &Results) -> String {
    let panels = Algorithm::ALL.map(|algorithm| {
        let contest = format!("verify {algorithm}");
        let mut rows: Vec<Row> = results.of(&contest).cloned().collect();
        rows.sort_by(|one, other| one.figure.ratio.total_cmp(&other.figure.ratio));
        (algorithm, rows)
    });
    let longest = panels.iter().map(|(_, rows)| rows.len()).max();
    let lines = f64::from(u32::try_from(longest.unwrap_or(0)).expect("few"));
    let tall = LINE * lines + 56.0;
    let mut drawing = Drawing::new(WIDTH, 30.0 + 2.0 * tall + 24.0);
    let title =
        "Verifying a token: time, as multiples of the bare signature check (less is better)";
    drawing.text("title", (0.0, 18.0), Anchor::Start, title);
    for (n, (algorithm, rows)) in panels.iter().enumerate() {
        let left = if n % 2 == 0 { 0.0 } else { PANEL };
        let top = if n < 2 { 36.0 } else { 36.0 + tall };
        bars(&mut drawing, (left, top), *algorithm, rows);
    }
    let note = format!(
        "267 bytes of claims, all checked and returned as owned values. {}. Medians of alternating rounds in one process.",
        results.machine
    );
    drawing.text(
        "note",
        (0.0, 30.0 + 2.0 * tall + 14.0),
        Anchor::Start,
        &note,
    );
    drawing.finish(title)
}

fn bars(drawing: &mut Drawing, corner: (f64, f64), algorithm: Algorithm, rows: &[Row]) {
    let (left, top) = corner;
    drawing.text(
        "title",
        (left + NAMES, top + 14.0),
        Anchor::Start,
        algorithm.name(),
    );
    let most = rows.iter().map(|row| row.figure.ratio).fold(1.0, f64::max);
    // Room for the label behind the longest bar.
    let full = PANEL - NAMES - 124.0;
    for (n, row) in (0..).zip(rows) {
        let (y, class) = (top + 24.0 + f64::from(n) * LINE, class(&row.who));
        let length = full * row.figure.ratio / most;
        drawing.text(class, (left + NAMES - 8.0, y + 13.0), Anchor::End, &row.who);
        drawing.bar(class, (left + NAMES, y + 2.0), length, LINE - 6.0);
        let (ratio, time) = (digits(row.figure.ratio), duration(row.figure.micros));
        let label = format!("{ratio}× · {time}");
        drawing.text(
            class,
            (left + NAMES + length + 6.0, y + 13.0),
            Anchor::Start,
            &label,
        );
    }
}

/// How a picture of growth is laid out.
struct Axes<'a> {
    corner: (f64, f64),
    title: &'a str,
    contest: &'a str,
    /// Where a size stands, from 0 to 1.
    place: fn(f64) -> f64,
}

/// Left by the number of keys, right by the size of the token.
pub(crate) fn growth(results: &Results) -> String {
    let mut drawing = Drawing::new(WIDTH, 330.0);
    let title = "Verifying a token HS256: how its time grows, in microseconds";
    drawing.text("title", (0.0, 18.0), Anchor::Start, title);
    curves(
        &mut drawing,
        results,
        &Axes {
            corner: (0.0, 36.0),
            title: "keys to choose from by kid",
            contest: "keys HS256",
            place: |keys| keys.log10() / 3.0,
        },
    );
    curves(
        &mut drawing,
        results,
        &Axes {
            corner: (PANEL, 36.0),
            title: "size of the token, KiB",
            contest: "size HS256",
            place: |kib| kib / 8.0,
        },
    );
    // PLACE for a third picture: the number of cached tokens.
    let note = format!("{}.", results.machine);
    drawing.text("note", (0.0, 322.0), Anchor::Start, &note);
    drawing.finish(title)
}

fn curves(drawing: &mut Drawing, results: &Results, axes: &Axes<'_>) {
    let rows: Vec<&Row> = results.of(axes.contest).collect();
    let most = rows.iter().map(|row| row.figure.micros).fold(0.0, f64::max);
    let step = step(most);
    let highest = (most / step).ceil() * step;
    let (left, right) = (axes.corner.0 + 40.0, axes.corner.0 + PANEL - 110.0);
    let (top, bottom) = (axes.corner.1 + 10.0, axes.corner.1 + 220.0);
    let x = |at: f64| left + (axes.place)(at) * (right - left);
    let y = |micros: f64| bottom - micros / highest * (bottom - top);
    let mut mark = 0.0;
    while mark <= highest * 1.001 {
        drawing.line((left, y(mark)), (right, y(mark)));
        drawing.text(
            "note",
            (left - 6.0, y(mark) + 4.0),
            Anchor::End,
            &format!("{mark}"),
        );
        mark += step;
    }
    for who in [RAW, OURS, "jsonwebtoken"] {
        let of = rows.iter().filter(|row| row.who == who);
        let points: Vec<_> = of.map(|row| (x(row.at), y(row.figure.micros))).collect();
        let Some(&(end, height)) = points.last() else {
            continue;
        };
        let class = class(who);
        drawing.curve(class, &points);
        drawing.text(class, (end + 8.0, height + 4.0), Anchor::Start, who);
    }
    let mut sizes: Vec<f64> = rows.iter().map(|row| row.at).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    // The small sizes stand too close for a number under each.
    for size in sizes.into_iter().filter(|size| *size >= 1.0) {
        drawing.text(
            "note",
            (x(size), bottom + 18.0),
            Anchor::Middle,
            &format!("{size}"),
        );
    }
    let middle = f64::midpoint(left, right);
    drawing.text("note", (middle, bottom + 38.0), Anchor::Middle, axes.title);
}

/// The round number that cuts the axis into four to eight.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    let steps = [0.1, 0.2, 0.5, 1.0].map(|part| part * power);
    steps
        .into_iter()
        .find(|step| most / step <= 8.0)
        .unwrap_or(2.0 * power)
}
