//! Where each part of the picture stands, in user units of its SVG: lying for a
//! desk or a projector, standing for a phone. Ways start and end below the
//! cards, so that a dot on them comes out of one card and goes into the next.

use super::tank::{FULL, Level};

/// Height of the tank's outlet above its bottom, lying.
const OUTLET: u32 = 28;

/// Corners of the ways.
const BEND: u32 = 16;

/// One arrangement of all parts.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Its name, for the style sheet.
    pub class: &'static str,
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
    /// The senders' cards, from the top.
    pub senders: Vec<Place>,
    /// The exchange's card.
    pub exchange: Place,
    /// Middle of the label on the binding.
    pub binding: Spot,
    /// The walls of the tank.
    pub tank: Place,
    /// Where the tank's name begins.
    pub tank_name: Spot,
    /// Analytics' card.
    pub analytics: Place,
    /// The counts' card.
    pub counts: Place,
    /// The dead-letter exchange's card.
    pub dead_exchange: Place,
    /// The dead-letter queue's card.
    pub dead_queue: Place,
    /// Middle of the label on the way back.
    pub returned: Spot,
    /// Middle of the label on the loop.
    pub redelivered: Spot,
    /// The tap between tank and analytics.
    pub tap: Spot,
    /// The tap of each sender.
    pub taps: Vec<Spot>,
    /// The ways between them.
    pub ways: Ways,
    /// Heads of the arrows.
    pub arrows: Vec<Arrow>,
}

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub w: u32,
    /// Height.
    pub h: u32,
}

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
}

/// The head of an arrow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrow {
    /// Its point.
    pub at: Spot,
    /// Turned by so many degrees from pointing to the right.
    pub turn: u32,
    /// Which kind of way it ends, for the style sheet.
    pub kind: &'static str,
}

/// SVG path data of the ways.
#[derive(Debug, Clone)]
pub struct Ways {
    /// From each sender to the exchange.
    pub publish: Vec<String>,
    /// From the exchange back to each sender.
    pub back: Vec<String>,
    /// From the exchange to the mouth of the tank.
    pub binding: String,
    /// From the tank to analytics.
    pub outlet: String,
    /// From analytics to the counts.
    pub store: String,
    /// From analytics back into the tank.
    pub again: String,
    /// From the tank to the dead-letter exchange.
    pub dead: String,
    /// From there to the dead-letter queue.
    pub bury: String,
}

impl Place {
    /// Right edge.
    #[must_use]
    pub fn right(&self) -> u32 {
        self.x + self.w
    }

    /// Lower edge.
    #[must_use]
    pub fn bottom(&self) -> u32 {
        self.y + self.h
    }

    /// Middle, from the left.
    #[must_use]
    pub fn cx(&self) -> u32 {
        self.x + self.w / 2
    }

    /// Middle, from the top.
    #[must_use]
    pub fn cy(&self) -> u32 {
        self.y + self.h / 2
    }

    /// Baseline of line `line` of `lines` within it, from its upper edge.
    #[must_use]
    pub fn line(&self, line: u32, lines: u32) -> u32 {
        let margin = 7;
        margin + (self.h - 2 * margin) * (2 * line - 1) / (2 * lines) + 6
    }

    /// How far below its upper edge the surface of `level` is.
    #[must_use]
    pub fn surface(&self, level: &Level) -> u32 {
        self.h - self.h * u32::from(level.0) / u32::from(FULL.0)
    }

    /// The same from the top of the picture.
    #[must_use]
    pub fn surface_y(&self, level: &Level) -> u32 {
        self.y + self.surface(level)
    }
}

impl Layout {
    /// Lying, for a desk or a projector.
    #[must_use]
    pub fn lying(senders: usize) -> Self {
        let exchange = Place { x: 350, y: 78, w: 206, h: 130 };
        let tank = Place { x: 680, y: 172, w: 210, h: 240 };
        let analytics = Place { x: 980, y: 226, w: 220, h: 190 };
        let counts = Place { x: 980, y: 12, w: 220, h: 140 };
        let dead_exchange = Place { x: 672, y: 458, w: 226, h: 74 };
        let dead_queue = Place { x: 980, y: 458, w: 220, h: 74 };
        let (pitch, h) = match senders {
            0..=3 => (126, 108),
            4 => (101, 88),
            _ => (82, 74),
        };
        let senders: Vec<_> = (0..senders)
            .map(|row| Place { x: 34, y: 12 + pitch * small(row), w: 220, h })
            .collect();
        let (axis, low, outlet) = (exchange.cy(), 430, tank.bottom() - OUTLET);
        let ways = Ways {
            publish: senders.iter().map(|sender| lying_publish(sender, &exchange)).collect(),
            back: senders.iter().map(|sender| lying_back(sender, &exchange, low)).collect(),
            binding: format!(
                "M{} {axis}H{}q{BEND} 0 {BEND} {BEND}V{}",
                exchange.cx(),
                tank.x + 30,
                tank.y
            ),
            outlet: format!("M{} {outlet}H{}", tank.right() - 30, analytics.cx()),
            store: format!("M{0} {1}V{2}", analytics.cx(), analytics.cy(), counts.cy()),
            again: format!(
                "M{} 290H951q-{BEND} 0 -{BEND} -{BEND}V{}q0 -{BEND} -{BEND} -{BEND}H{}q-{BEND} 0 -{BEND} {BEND}V{}",
                analytics.x + 30,
                axis + BEND,
                tank.right() - 14,
                tank.y
            ),
            dead: format!("M{0} {1}V{2}", tank.cx(), tank.bottom() - 20, dead_exchange.cy()),
            bury: format!("M{} {}H{}", dead_exchange.cx(), dead_exchange.cy(), dead_queue.cx()),
        };
        let arrows = vec![
            arrow(exchange.x, axis, 0, "ida"),
            arrow(tank.x + 30 + BEND, tank.y, 90, "ida"),
            arrow(analytics.x, outlet, 0, "ida"),
            arrow(analytics.cx(), counts.bottom(), 270, "ida"),
            arrow(tank.right() - 14 - BEND, tank.y, 90, "otra-vez"),
            arrow(tank.cx(), dead_exchange.y, 90, "muerta"),
            arrow(dead_queue.x, dead_queue.cy(), 0, "muerta"),
        ];
        let back = senders.iter().map(|sender| arrow(sender.x, sender.cy(), 0, "vuelta"));
        Self {
            class: "ancha",
            width: 1204,
            height: 540,
            binding: Spot { x: 618, y: axis },
            tank_name: Spot { x: tank.x, y: axis - 46 },
            returned: Spot { x: 300, y: low },
            redelivered: Spot { x: 935, y: 216 },
            tap: Spot { x: 935, y: outlet },
            taps: senders.iter().map(|at| Spot { x: at.right(), y: at.cy() }).collect(),
            arrows: arrows.into_iter().chain(back).collect(),
            senders,
            exchange,
            tank,
            analytics,
            counts,
            dead_exchange,
            dead_queue,
            ways,
        }
    }

    /// Standing, for a phone.
    #[must_use]
    pub fn standing(senders: usize) -> Self {
        let senders: Vec<_> = (0..senders)
            .map(|row| Place { x: 28, y: 4 + 88 * small(row), w: 284, h: 80 })
            .collect();
        let top = senders.last().map_or(4, |last| last.bottom() + 30);
        let at = |x, y, w, h| Place { x, y: top + y, w, h };
        let exchange = at(84, 0, 190, 106);
        let tank = at(48, 208, 236, 196);
        let analytics = at(48, 462, 236, 140);
        let counts = at(48, 640, 236, 112);
        let dead_exchange = at(48, 792, 236, 64);
        let dead_queue = at(48, 890, 236, 68);
        let (axis, inlet) = (exchange.cy(), 216);
        let ways = Ways {
            publish: senders.iter().map(|sender| standing_publish(sender, &exchange)).collect(),
            back: senders.iter().map(|sender| standing_back(sender, &exchange)).collect(),
            binding: format!("M{inlet} {axis}V{}", tank.y),
            outlet: format!("M{0} {1}V{2}", tank.cx(), tank.bottom() - 24, analytics.cy()),
            store: format!("M{0} {1}V{2}", tank.cx(), analytics.cy(), counts.cy()),
            again: format!(
                "M{} {}H294q{BEND} 0 {BEND} -{BEND}V{}q0 -{BEND} -{BEND} -{BEND}H{}",
                analytics.right() - 30,
                analytics.y + 30,
                tank.y + 40 + BEND,
                tank.right()
            ),
            dead: format!(
                "M{0} {1}H30q-{BEND} 0 -{BEND} {BEND}V{2}q0 {BEND} {BEND} {BEND}H{3}",
                tank.x + 30,
                tank.bottom() - 22,
                dead_exchange.cy() - BEND,
                dead_exchange.cx()
            ),
            bury: format!("M{0} {1}V{2}", dead_exchange.cx(), dead_exchange.cy(), dead_queue.cy()),
        };
        let arrows = vec![
            arrow(exchange.right(), axis, 180, "ida"),
            arrow(inlet, tank.y, 90, "ida"),
            arrow(analytics.cx(), analytics.y, 90, "ida"),
            arrow(counts.cx(), counts.y, 90, "ida"),
            arrow(tank.right(), tank.y + 40, 180, "otra-vez"),
            arrow(dead_exchange.x, dead_exchange.cy(), 0, "muerta"),
            arrow(dead_queue.cx(), dead_queue.y, 90, "muerta"),
        ];
        let back = senders.iter().map(|sender| arrow(sender.x, sender.cy(), 0, "vuelta"));
        Self {
            class: "alta",
            width: 340,
            height: dead_queue.bottom() + 4,
            binding: Spot { x: inlet, y: exchange.bottom() + 36 },
            tank_name: Spot { x: 26, y: tank.y - 34 },
            returned: Spot { x: 44, y: axis },
            redelivered: Spot { x: 296, y: tank.bottom() + 28 },
            tap: Spot { x: tank.cx(), y: tank.bottom() + 24 },
            taps: senders.iter().map(|at| Spot { x: at.right(), y: at.cy() }).collect(),
            arrows: arrows.into_iter().chain(back).collect(),
            senders,
            exchange,
            tank,
            analytics,
            counts,
            dead_exchange,
            dead_queue,
            ways,
        }
    }
}

fn lying_publish(from: &Place, to: &Place) -> String {
    let (start, end) = (from.right(), to.x);
    let middle = u32::midpoint(start, end);
    let (y, axis) = (from.cy(), to.cy());
    format!("M{} {y}H{start}C{middle} {y} {middle} {axis} {end} {axis}H{}", start - 30, to.cx())
}

fn lying_back(to: &Place, from: &Place, low: u32) -> String {
    let y = to.cy();
    let into = format!("V{}q0 -{BEND} {BEND} -{BEND}H{}", y + BEND, to.x + 30);
    format!(
        "M{} {}V{}q0 {BEND} -{BEND} {BEND}H28q-{BEND} 0 -{BEND} -{BEND}{into}",
        from.cx(),
        from.cy(),
        low - BEND
    )
}

fn standing_publish(from: &Place, to: &Place) -> String {
    let (y, axis) = (from.cy(), to.cy());
    format!(
        "M{} {y}H314q{BEND} 0 {BEND} {BEND}V{}q0 {BEND} -{BEND} {BEND}H{}",
        from.right() - 30,
        axis - BEND,
        to.cx()
    )
}

fn standing_back(to: &Place, from: &Place) -> String {
    let (y, axis) = (to.cy(), from.cy());
    format!(
        "M{} {axis}H28q-{BEND} 0 -{BEND} -{BEND}V{}q0 -{BEND} {BEND} -{BEND}H{}",
        from.cx(),
        y + BEND,
        to.x + 30
    )
}

fn arrow(x: u32, y: u32, turn: u32, kind: &'static str) -> Arrow {
    Arrow { at: Spot { x, y }, turn, kind }
}

/// A row's number; there are a handful.
fn small(row: usize) -> u32 {
    u32::try_from(row).unwrap_or_default()
}
