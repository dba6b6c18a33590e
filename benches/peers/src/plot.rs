//! Draws `results.tsv`: the contest as bars, growth as curves.

use crate::growth::PEER;
use crate::keys::Algorithm;
use crate::peers::{CACHED, OURS, RAW};
use crate::results::{Results, Row, digits, duration};
use crate::svg::{Anchor, Drawing};

const WIDTH: f64 = 880.0;
const NAMES: f64 = 166.0;
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
        "267 bytes of claims, all checked, owned if not said otherwise; cached: seen before. {}. Medians of alternating rounds.",
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
struct Axes {
    corner: (f64, f64),
    title: &'static str,
    contest: &'static str,
    /// Whose times it has.
    who: &'static [&'static str],
    /// Where a size stands, from 0 to 1.
    place: fn(f64) -> f64,
}

fn by_size(corner: (f64, f64), title: &'static str, contest: &'static str) -> Axes {
    Axes {
        corner,
        title,
        contest,
        who: &[RAW, OURS, PEER],
        place: |kib| kib / 8.0,
    }
}

/// Above HS256, whose own cost shows: by the number of keys and by the token's size. Below ES256, by the number of tokens in
/// the cache, and by the token's size.
pub(crate) fn growth(results: &Results) -> String {
    let tall = 276.0;
    let (top, low) = (36.0, 36.0 + tall);
    let mut drawing = Drawing::new(WIDTH, 2.0 * tall + 54.0);
    let title = "Verifying a token: how its time grows, in microseconds";
    drawing.text("title", (0.0, 18.0), Anchor::Start, title);
    let pictures = [
        Axes {
            corner: (0.0, top),
            title: "HS256: keys to choose from by kid",
            contest: "keys HS256",
            who: &[OURS, PEER],
            place: |keys| keys.log10() / 3.0,
        },
        by_size((PANEL, top), "HS256: size of the token, KiB", "size HS256"),
        Axes {
            corner: (0.0, low),
            title: "ES256: tokens that the cache remembers",
            contest: "cached ES256",
            // The bare signature check takes so much longer that it would leave a flat line.
            who: &[CACHED],
            place: |tokens| tokens.log10() / 5.0,
        },
        by_size((PANEL, low), "ES256: size of the token, KiB", "size ES256"),
    ];
    for axes in &pictures {
        curves(&mut drawing, results, axes);
    }
    let note = format!("{}.", results.machine);
    drawing.text("note", (0.0, 2.0 * tall + 46.0), Anchor::Start, &note);
    drawing.finish(title)
}

fn curves(drawing: &mut Drawing, results: &Results, axes: &Axes) {
    let rows = results.of(axes.contest);
    let rows: Vec<&Row> = rows.filter(|row| axes.who.contains(&&*row.who)).collect();
    let times = rows.iter().map(|row| row.figure.micros);
    let Some(most) = times.max_by(f64::total_cmp) else {
        return;
    };
    let step = step(most);
    let marks = (most / step).ceil();
    let (left, right) = (axes.corner.0 + 40.0, axes.corner.0 + PANEL - 110.0);
    let (top, bottom) = (axes.corner.1 + 10.0, axes.corner.1 + 220.0);
    let x = |at: f64| left + (axes.place)(at) * (right - left);
    let y = |micros: f64| bottom - micros / (marks * step) * (bottom - top);
    let mut mark = 0.0;
    while mark <= marks {
        let micros = mark * step;
        drawing.line((left, y(micros)), (right, y(micros)));
        // A tenth has no exact double: three of them would print sixteen digits.
        let label = format!("{}", (micros * 1e6).round() / 1e6);
        drawing.text("note", (left - 6.0, y(micros) + 4.0), Anchor::End, &label);
        mark += 1.0;
    }
    for who in axes.who {
        let of = rows.iter().filter(|row| row.who == *who);
        let points: Vec<_> = of.map(|row| (x(row.at), y(row.figure.micros))).collect();
        let Some(&(end, height)) = points.last() else {
            continue;
        };
        let class = class(who);
        drawing.curve(class, &points);
        // There is no room for more.
        let label = who.strip_prefix("portcullis, ").unwrap_or(who);
        drawing.text(class, (end + 8.0, height + 4.0), Anchor::Start, label);
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
