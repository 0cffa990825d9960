#include "cli/table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "cli/utf8.h"

namespace muster::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 8;
constexpr std::string_view kEllipsis = "\u2026";

struct Range {
  std::uint32_t first, last;
};

template <std::size_t N>
bool In(const std::array<Range, N>& ranges, std::uint32_t code) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const Range& r) { return code >= r.first && code <= r.last; });
}

bool IsZeroWidth(std::uint32_t code) {
  static constexpr std::array<Range, 9> kRanges = {{{0x300, 0x36F},
                                                    {0x483, 0x489},
                                                    {0x591, 0x5BD},
                                                    {0x610, 0x61A},
                                                    {0x64B, 0x65F},
                                                    {0x1AB0, 0x1AFF},
                                                    {0x200B, 0x200F},
                                                    {0x20D0, 0x20FF},
                                                    {0xFE00, 0xFE0F}}};
  return In(kRanges, code);
}

bool IsWide(std::uint32_t code) {
  static constexpr std::array<Range, 9> kRanges = {{{0x1100, 0x115F},
                                                    {0x2E80, 0x303E},
                                                    {0x3041, 0xA4CF},
                                                    {0xAC00, 0xD7A3},
                                                    {0xF900, 0xFAFF},
                                                    {0xFE30, 0xFE6F},
                                                    {0xFF00, 0xFF60},
                                                    {0x1F300, 0x1FAFF},
                                                    {0x20000, 0x3FFFD}}};
  return In(kRanges, code);
}

std::size_t WidthOf(std::uint32_t code) {
  if (IsZeroWidth(code)) return 0;
  return IsWide(code) ? 2 : 1;
}

// C0, DEL, C1, and the marks that turn the direction of writing.
bool IsControl(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x202A && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

std::string Cell(std::string_view text) { return text.empty() ? "-" : Printable(text); }

using Widths = std::vector<std::size_t>;

Widths NaturalWidths(const Table& table) {
  Widths widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    std::size_t width = DisplayWidth(table.columns[c].title);
    for (const auto& row : table.rows) width = std::max(width, DisplayWidth(Cell(row.at(c))));
    widths.push_back(width);
  }
  return widths;
}

void Shrink(const Table& table, std::size_t max_width, Widths& widths) {
  if (widths.empty() || max_width == 0) return;
  std::size_t total = kGap * (widths.size() - 1);
  for (const std::size_t width : widths) total += width;
  // The widest gives way first, so that no column vanishes for the sake of another.
  while (total > max_width) {
    std::size_t* widest = nullptr;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      if (!table.columns[c].shrinks || widths[c] <= kNarrowest) continue;
      if (widest == nullptr || widths[c] > *widest) widest = &widths[c];
    }
    if (widest == nullptr) return;
    --*widest;
    --total;
  }
}

std::string Line(const Table& table, const Widths& widths, const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t c = 0; c < cells.size(); ++c) {
    const std::string cell = Shorten(cells[c], widths[c]);
    const std::string padding(widths[c] - std::min(widths[c], DisplayWidth(cell)), ' ');
    if (c > 0) line.append(kGap, ' ');
    line += table.columns[c].align == Align::kRight ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::size_t DisplayWidth(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = Decode(text);
    width += WidthOf(character.code);
    text.remove_prefix(character.bytes);
  }
  return width;
}

std::string Shorten(std::string_view text, std::size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string kept;
  std::size_t used = 0;
  while (!text.empty()) {
    const Character character = Decode(text);
    used += WidthOf(character.code);
    if (used > width - 1) break;
    kept += text.substr(0, character.bytes);
    text.remove_prefix(character.bytes);
  }
  return kept.append(kEllipsis);
}

std::string Printable(std::string_view text) {
  std::string printable;
  while (!text.empty()) {
    const Character character = Decode(text);
    if (!character.valid || IsControl(character.code)) {
      printable += '?';
    } else {
      printable += text.substr(0, character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return printable;
}

std::string LayOut(const Table& table, std::size_t max_width) {
  Widths widths = NaturalWidths(table);
  Shrink(table, max_width, widths);
  std::vector<std::string> titles;
  titles.reserve(table.columns.size());
  for (const Column& column : table.columns) titles.push_back(column.title);
  std::string text = Line(table, widths, titles);
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    cells.reserve(row.size());
    for (const std::string& cell : row) cells.push_back(Cell(cell));
    text += Line(table, widths, cells);
  }
  return text;
}

std::string LayOutProperties(const std::vector<Property>& properties) {
  std::size_t width = 0;
  for (const Property& property : properties) {
    if (!property.value.empty()) width = std::max(width, DisplayWidth(property.name));
  }
  std::string text;
  for (const Property& property : properties) {
    if (property.value.empty()) continue;
    text += property.name + std::string(width - DisplayWidth(property.name) + kGap, ' ');
    text += Printable(property.value) + "\n";
  }
  return text;
}

}  // namespace muster::cli
