//! The drawing: a card of its own colour, as the documentation's others, so that
//! it is read in light and in dark alike.

use super::lines::{Line, Point};
use crate::bench::series::Series;
use anyhow::{Result, anyhow};
use plotters::coord::Shift;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::ops::Range;

/// Units of the drawing, which is scaled to where it is shown.
const SIZE: (u32, u32) = (800, 440);

/// The library writes a text 1.24 times smaller than it was told: 16, and 20.
const TEXT: f64 = 16.0 * 1.24;
const TITLE: f64 = 20.0 * 1.24;
const FONT: &str = "system-ui, sans-serif";

/// The card's colours, and those of the lines in their order: each is 3:1 at
/// least to the card.
const CARD: RGBColor = RGBColor(0xf6, 0xf8, 0xfc);
const INK: RGBColor = RGBColor(0x16, 0x22, 0x3a);
const GRID: RGBColor = RGBColor(0xd5, 0xdc, 0xe8);
const LINES: [RGBColor; 4] =
    [INK, RGBColor(0xc6, 0x5a, 0x1e), RGBColor(0x2f, 0x63, 0xc9), RGBColor(0x2b, 0x84, 0x4f)];

/// Between the names of lines, which stand behind their ends.
const APART: i32 = 19;

/// Room for the names, at the right.
const ROOM: i32 = 110;

/// Room at the sides of the axis, as a share of it.
const MARGIN: f64 = 0.12;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Places, RangedCoordf64>>;

/// An axis with a mark at each point, and none between. The library's own way to
/// say so cannot write an `f64`.
struct Places {
    axis: RangedCoordf64,
    points: Vec<f64>,
}

impl Ranged for Places {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.axis.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.points.clone()
    }

    fn range(&self) -> Range<f64> {
        self.axis.range()
    }
}

/// A whole SVG file.
///
/// # Errors
/// When the library refuses.
pub(super) fn draw(series: &Series, lines: &[Line]) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&CARD).map_err(refused)?;
        let mut chart = axes(&area, series, lines)?;
        for (line, colour) in lines.iter().zip(LINES) {
            draw_line(&mut chart, line, colour)?;
        }
        name_lines(&area, &chart, lines)?;
        label_sums(&area, &chart, lines)?;
        area.present().map_err(refused)?;
    }
    // For who does not see it (SVG 2, §5.8).
    let told = format!(" role=\"img\"><title>{}</title>\n", series.title);
    Ok(svg.replacen(">\n", &told, 1))
}

fn refused(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("no se pudo dibujar: {error}")
}

/// Title, axes and grid.
fn axes<'a, 'b>(area: &Area<'b>, series: &Series, lines: &[Line]) -> Result<Chart<'a, 'b>> {
    let points: Vec<&Point> = lines.iter().flat_map(|line| &line.points).collect();
    let extreme = |pick: fn(f64, f64) -> f64, of: fn(&Point) -> f64| {
        points.iter().map(|point| of(point)).reduce(pick).unwrap_or_default()
    };
    let (left, right) = (extreme(f64::min, |point| point.place), extreme(f64::max, |p| p.place));
    let margin = MARGIN * (right - left);
    let top = 1.15 * extreme(f64::max, |point| point.most).max(f64::MIN_POSITIVE);
    let across = Places {
        axis: (left - margin..right + margin).into(),
        points: lines[0].points.iter().map(|point| point.place).collect(),
    };
    let mut chart = ChartBuilder::on(area)
        .caption(series.title, (FONT, TITLE, &INK))
        .margin(14)
        .margin_right(ROOM)
        .x_label_area_size(60)
        .y_label_area_size(70)
        .build_cartesian_2d(across, 0.0..top)
        .map_err(refused)?;
    mesh(&mut chart, series, &points)?;
    Ok(chart)
}

/// Marks, their numbers, and what they are of.
fn mesh(chart: &mut Chart<'_, '_>, series: &Series, points: &[&Point]) -> Result<()> {
    let number = |place: &f64| label_at(points, *place);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .label_style((FONT, TEXT, &INK))
        .axis_desc_style((FONT, TEXT, &INK))
        .y_labels(6)
        .x_label_formatter(&number)
        .y_label_formatter(&|cost| format!("{cost:.0}"))
        .x_desc(axis(series))
        .y_desc("µs of CPU per event")
        .draw()
        .map_err(refused)
}

fn axis(series: &Series) -> String {
    let scale = if series.points[0].1 == 0 { "logarithmic, but for 0" } else { "logarithmic" };
    format!("{} ({scale})", series.axis)
}

/// What grows, at that place of the axis.
fn label_at(points: &[&Point], place: f64) -> String {
    let nearest = |point: &&&Point| (point.place - place).abs() < 1e-9;
    points.iter().find(nearest).map(|point| short(point.number)).unwrap_or_default()
}

/// Thousands and more, which are powers of ten, as such.
fn short(number: u64) -> String {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    match number.checked_ilog10() {
        Some(power @ 3..10) if 10_u64.pow(power) == number => {
            format!("10{}", DIGITS[power as usize])
        }
        _ => number.to_string(),
    }
}

/// Medians, and whiskers from the least to the most.
fn draw_line(chart: &mut Chart<'_, '_>, line: &Line, colour: RGBColor) -> Result<()> {
    let medians = line.points.iter().map(|point| (point.place, point.median));
    chart.draw_series(LineSeries::new(medians, colour.stroke_width(2))).map_err(refused)?;
    let style = colour.filled().stroke_width(2);
    let whisker = |point: &Point| {
        let Point { place, least, median, most, .. } = *point;
        ErrorBar::new_vertical(place, least, median, most, style, 12)
    };
    chart.draw_series(line.points.iter().map(whisker)).map_err(refused)?;
    Ok(())
}

/// Each line's name behind its end, apart from the others.
fn name_lines(area: &Area<'_>, chart: &Chart<'_, '_>, lines: &[Line]) -> Result<()> {
    let end = |line: &Line| line.points.last().map(|end| (end.place, end.median));
    let mut ends: Vec<_> = lines
        .iter()
        .zip(LINES)
        .filter_map(|(line, colour)| Some((chart.backend_coord(&end(line)?), line.name, colour)))
        .collect();
    ends.sort_by_key(|((_, y), ..)| -y);
    let heights = spread(ends.iter().map(|((_, y), ..)| *y));
    let right = i32::try_from(SIZE.0)? - ROOM + 6;
    for ((_, name, colour), y) in ends.iter().zip(heights) {
        write(area, name, (right, y), *colour, Pos::new(HPos::Left, VPos::Center))?;
    }
    Ok(())
}

/// Heights from the lowest on, moved up where they are too close.
fn spread(heights: impl Iterator<Item = i32>) -> Vec<i32> {
    let mut above = i32::MAX;
    let place = |height: i32| {
        above = height.min(above - APART);
        above
    };
    heights.map(place).collect()
}

/// The sum at each point as a number.
fn label_sums(area: &Area<'_>, chart: &Chart<'_, '_>, lines: &[Line]) -> Result<()> {
    for point in lines.first().map(|line| &line.points[..]).unwrap_or_default() {
        let (x, y) = chart.backend_coord(&(point.place, point.most));
        let text = format!("{:.1}", point.median);
        write(area, &text, (x, y - 8), INK, Pos::new(HPos::Center, VPos::Bottom))?;
    }
    Ok(())
}

fn write(area: &Area<'_>, text: &str, at: (i32, i32), colour: RGBColor, pos: Pos) -> Result<()> {
    let style = TextStyle::from((FONT, TEXT)).color(&colour).pos(pos);
    area.draw(&Text::new(text.to_owned(), at, style)).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::{draw, short, spread};
    use crate::bench::plots::lines::{of, tests::measurements};
    use crate::bench::series::CLIENTS;

    #[test]
    fn a_drawing_has_a_title_axes_and_a_name_for_each_line() {
        let costs: [(&str, &[f64]); 4] = [
            ("cost_us", &[40.0, 42.0]),
            ("cpu_us.rabbitmq", &[15.0, 16.0]),
            ("cpu_us.cliente_x", &[0.1, 0.0]),
            ("cpu_us.analiticas", &[25.0, 26.0]),
        ];
        let found = ["clientes-1e3", "clientes-1e4"].map(|name| (name, &costs[..]));
        let svg = draw(&CLIENTS, &of(&CLIENTS, &measurements(&found))).unwrap();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("viewBox=\"0 0 800 440\"") && svg.contains("<title>What"), "{svg}");
        for text in
            ["sum", "broker", "senders", "analytics", "10³", "10⁴", "41.0", "clients (logarithmic)"]
        {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
        }
    }

    #[test]
    fn names_that_would_overlap_move_up() {
        assert_eq!(spread([300, 295, 200].into_iter()), [300, 281, 200]);
        assert_eq!(spread([300, 300, 300].into_iter()), [300, 281, 262]);
    }

    #[test]
    fn powers_of_ten_are_written_as_such() {
        assert_eq!([0, 8, 1_000, 10_000_000].map(short), ["0", "8", "10³", "10⁷"]);
    }
}
