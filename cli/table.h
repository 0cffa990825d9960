// Aligned tables for people. Pure: no terminal is looked at here.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace muster::cli {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
  // May be cut (with an ellipsis) when the table is wider than the terminal.
  bool shrinks = false;
};

struct Table {
  std::vector<Column> columns;
  // Each row has as many cells as there are columns.
  std::vector<std::vector<std::string>> rows;
};

// One line for the titles and one for each row, two spaces between columns, nothing at line ends.
// Empty cells show as "-". Control characters in cells are shown as "?": a name can't command a
// terminal. max_width in terminal columns, 0: no limit; only columns that shrink give way, down to
// 8 columns each.
std::string LayOut(const Table& table, std::size_t max_width);

// "Name   value" lines with the values aligned; pairs with an empty value are left out.
struct Property {
  std::string name;
  std::string value;
};
std::string LayOutProperties(const std::vector<Property>& properties);

// Terminal columns of UTF-8 text: 2 for East Asian wide characters and emoji, 0 for combining
// marks.
std::size_t DisplayWidth(std::string_view text);
// At most `width` columns; an ellipsis takes the place of what was cut.
std::string Shorten(std::string_view text, std::size_t width);
// Control characters (line ends too) and malformed UTF-8 replaced by "?".
std::string Printable(std::string_view text);

}  // namespace muster::cli
