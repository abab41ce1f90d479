//! From pixels to a PNG file with a palette: a third of the size, and nobody sees the difference.

use std::collections::BTreeMap;

use super::{ChartError, HEIGHT, WIDTH};

/// How many times larger than the picture a chart is painted, each way.
pub(super) const SCALE: u32 = 2;

/// A colour: red, green and blue.
type Colour = [u8; 3];

/// A PNG of pixels (red, green and blue, row by row) that are [`SCALE`] times too large each way.
pub(super) fn png(pixels: &[u8]) -> Result<Vec<u8>, ChartError> {
    let pixels = smaller(pixels);
    let (palette, indices) = indexed(&pixels);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, WIDTH, HEIGHT);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(palette.concat());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&indices)?;
    writer.finish()?;
    Ok(file)
}

/// Each pixel is the mean of those it stands for.
fn smaller(pixels: &[u8]) -> Vec<Colour> {
    let (scale, width) = (SCALE as usize, WIDTH as usize);
    let row = width * scale * 3;
    let mut small = Vec::with_capacity(pixels.len() / (scale * scale * 3));
    for rows in pixels.chunks_exact(row * scale) {
        for at in 0..width {
            let mean = |colour: usize| {
                let own = (0..scale * scale)
                    .map(|of| rows[of / scale * row + (at * scale + of % scale) * 3 + colour]);
                u8::try_from(own.map(usize::from).sum::<usize>() / (scale * scale)).unwrap_or(u8::MAX)
            };
            small.push([mean(0), mean(1), mean(2)]);
        }
    }
    small
}

/// A palette of at most 256 colours, and each pixel's index in it. Similar colours become the most frequent
/// of them.
fn indexed(pixels: &[Colour]) -> (Vec<Colour>, Vec<u8>) {
    let mut counts: BTreeMap<Colour, usize> = BTreeMap::new();
    for pixel in pixels {
        *counts.entry(*pixel).or_default() += 1;
    }
    let mut coarse = 4;
    loop {
        let cell = |colour: &Colour| colour.map(|part| part >> coarse);
        let mut cells: BTreeMap<Colour, (usize, Colour)> = BTreeMap::new();
        for (colour, count) in &counts {
            let best = cells.entry(cell(colour)).or_insert((*count, *colour));
            if *count > best.0 {
                *best = (*count, *colour);
            }
        }
        // Eight parts of each of three colours are 512, four are 64.
        if cells.len() <= 256 {
            let places: BTreeMap<Colour, u8> = cells.keys().copied().zip(0..=u8::MAX).collect();
            let indices = pixels.iter().map(|pixel| places[&cell(pixel)]).collect();
            return (cells.into_values().map(|(_, colour)| colour).collect(), indices);
        }
        coarse += 1;
    }
}
