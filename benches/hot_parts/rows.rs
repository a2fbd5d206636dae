//! Rows to measure with, the same in every run and on every machine.
//!
//! A row is a list of named cells, which can be written as a JSON object or as a line of CSV. Its
//! content is random in the way that real exports are: words, numbers and codes repeat, identifiers
//! do not. The shapes differ in what they make expensive.

use std::fmt::Write as _;

/// What the rows look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// An item of a shop, 333 bytes on average.
    Item,
    /// Three short cells, about 40 bytes.
    Narrow,
    /// An item with a long description, about 4 KB.
    Wide,
    /// A hundred short cells.
    Fields,
    /// Mostly random characters, which hardly compress.
    Random,
    /// An item with twenty cells, as [`SCHEMA`] describes it.
    Typed,
}

/// The schema of [`Shape::Typed`]: types for all twenty fields, checks for seven of them.
pub(crate) const SCHEMA: &str = include_str!("schema.json");

/// A cell of a row: name, text, and whether JSON puts it in quotes. No text needs an escape.
struct Cell {
    name: String,
    text: String,
    quoted: bool,
}

/// An endless supply of rows.
pub(crate) struct Rows {
    shape: Shape,
    state: u64,
    number: u64,
}

const BRANDS: [&str; 16] = [
    "安踏", "李宁", "美的", "海尔", "小米", "华为", "格力", "联想", "Nike", "Adidas", "Sony",
    "Philips", "Bosch", "Uniqlo", "Lego", "Apple",
];
const CATEGORIES: [&str; 12] = [
    "服饰$##$大衣",
    "服饰$##$运动鞋",
    "图书$##$绘本",
    "图书$##$小说",
    "美妆$##$面霜",
    "美妆$##$口红",
    "家电$##$冰箱",
    "家电$##$洗衣机",
    "数码$##$手机",
    "数码$##$耳机",
    "食品$##$茶叶",
    "食品$##$坚果",
];
const WORDS: [&str; 32] = [
    "2022新款",
    "旗舰款",
    "限量版",
    "爆款",
    "轻便",
    "防水",
    "羊毛",
    "纯棉",
    "儿童",
    "男士",
    "女士",
    "家用",
    "wireless",
    "portable",
    "classic",
    "outdoor",
    "summer",
    "winter",
    "premium",
    "compact",
    "silver",
    "black",
    "white",
    "large",
    "small",
    "gift",
    "original",
    "durable",
    "smart",
    "soft",
    "fresh",
    "light",
];
const CITIES: [&str; 4] = ["上海", "北京", "Shenzhen", "Hangzhou"];
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Rows {
    /// Rows of a shape from the first one on.
    pub(crate) const fn new(shape: Shape) -> Self {
        Self {
            shape,
            state: 2022,
            number: 0,
        }
    }

    /// Appends the next row as a JSON object.
    pub(crate) fn push_json(&mut self, out: &mut Vec<u8>) {
        for (index, cell) in self.next_row().iter().enumerate() {
            out.push(if index == 0 { b'{' } else { b',' });
            let quote = if cell.quoted { "\"" } else { "" };
            for part in ["\"", &cell.name, "\":", quote, &cell.text, quote] {
                out.extend_from_slice(part.as_bytes());
            }
        }
        out.push(b'}');
    }

    /// Appends the next row as a line of CSV, the first one below a header.
    pub(crate) fn push_csv(&mut self, out: &mut Vec<u8>) {
        let first = self.number == 0;
        let row = self.next_row();
        let line = |out: &mut Vec<u8>, text: &dyn Fn(&Cell) -> String| {
            let texts: Vec<String> = row.iter().map(text).collect();
            out.extend_from_slice(texts.join(",").as_bytes());
            out.push(b'\n');
        };
        if first {
            line(out, &|cell| cell.name.clone());
        }
        line(out, &|cell| cell.text.clone());
    }

    fn next_row(&mut self) -> Vec<Cell> {
        let mut row = Vec::new();
        let id = 10_000_000 + self.number * 7;
        self.number += 1;
        match self.shape {
            Shape::Item => self.push_item(&mut row, id, 1),
            Shape::Wide => self.push_item(&mut row, id, 420),
            Shape::Typed => {
                self.push_item(&mut row, id, 1);
                self.push_more(&mut row);
            }
            Shape::Narrow => {
                push_text(&mut row, "user_id", format!("u{id}"));
                push_number(&mut row, "age", 12 + self.below(70));
                push_number(&mut row, "sex", self.below(2));
            }
            Shape::Fields => {
                for index in 0..100 {
                    let name = format!("attribute_{index:02}");
                    if index % 3 == 0 {
                        push_text(&mut row, &name, self.word(&WORDS).to_owned());
                    } else {
                        push_number(&mut row, &name, self.below(10_000));
                    }
                }
            }
            Shape::Random => {
                push_text(&mut row, "goods_id", id.to_string());
                let payload = (0..300).map(|_| self.letter()).collect();
                push_text(&mut row, "payload", payload);
            }
        }
        row
    }

    /// An item whose description has four words for each unit of `length`.
    fn push_item(&mut self, row: &mut Vec<Cell>, id: u64, length: usize) {
        let title: Vec<&str> = (0..3).map(|_| self.word(&WORDS)).collect();
        let image: String = (0..12).map(|_| self.letter()).collect();
        let barcode: String = (0..5).map(|_| self.letter()).collect();
        let mut description = String::new();
        for _ in 0..length {
            let words = (self.word(&WORDS), self.word(&WORDS));
            let _ = write!(description, "{} {} ", words.0, words.1);
        }
        let price = 100 + self.below(400_000);
        push_text(row, "goods_id", id.to_string());
        push_text(
            row,
            "title",
            format!("{} {}", self.word(&BRANDS), title.join(" ")),
        );
        push_text(row, "category", self.word(&CATEGORIES).to_owned());
        push_text(row, "brand", self.word(&BRANDS).to_owned());
        row.push(Cell {
            name: "current_price".to_owned(),
            text: format!("{}.{:02}", price / 100, price % 100),
            quoted: false,
        });
        push_number(row, "pub_time", 1_620_000_000 + self.below(20_000_000));
        push_number(row, "status", self.below(2));
        push_text(row, "seller_id", format!("S{:06}", self.below(5_000)));
        push_text(row, "barcode", barcode);
        push_number(row, "sold_count", self.below(20_000));
        push_number(row, "comment_count", self.below(3_000));
        push_text(
            row,
            "image",
            format!("https://img.example.com/goods/{image}.jpg"),
        );
        push_text(row, "description", description.trim_end().to_owned());
    }

    /// Seven more cells.
    fn push_more(&mut self, row: &mut Vec<Cell>) {
        push_number(row, "original_price", 1 + self.below(9_000));
        push_number(row, "is_new", self.below(2));
        push_number(row, "stock", self.below(1_000));
        push_number(row, "rating", self.below(5));
        push_number(row, "discount", self.below(100));
        push_text(row, "city", self.word(&CITIES).to_owned());
        push_number(row, "update_time", 1_640_000_000 + self.below(20_000_000));
    }

    fn word<'w>(&mut self, words: &[&'w str]) -> &'w str {
        let count = u64::try_from(words.len()).unwrap();
        words[usize::try_from(self.below(count)).unwrap()]
    }

    fn letter(&mut self) -> char {
        char::from(LETTERS[usize::try_from(self.below(64)).unwrap()])
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random() % bound
    }

    /// `SplitMix64`.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn push_text(row: &mut Vec<Cell>, name: &str, text: String) {
    let (name, quoted) = (name.to_owned(), true);
    row.push(Cell { name, text, quoted });
}

fn push_number(row: &mut Vec<Cell>, name: &str, number: u64) {
    let (name, text) = (name.to_owned(), number.to_string());
    let quoted = false;
    row.push(Cell { name, text, quoted });
}
