#include "cli/table.h"

#include <gtest/gtest.h>

namespace muster::cli {
namespace {

TEST(Table, ColumnsAreAlignedWithNothingAtLineEnds) {
  const Table table{{{"ID"}, {"NODES", Align::kRight}, {"CAUSE"}},
                    {{"digits_1", "2", "rank 1 exited with 3"}, {"a", "16", ""}}};
  EXPECT_EQ(LayOut(table, 0),
            "ID        NODES  CAUSE\n"
            "digits_1      2  rank 1 exited with 3\n"
            "a            16  -\n");
}

TEST(Table, OnlyColumnsThatShrinkGiveWayToANarrowTerminal) {
  const Table table{{{"ID"}, {"CAUSE", Align::kLeft, true}},
                    {{"an_id_that_must_stay_whole", "the node n1 was lost and no retry was left"}}};
  EXPECT_EQ(LayOut(table, 40),
            "ID                          CAUSE\n"
            "an_id_that_must_stay_whole  the node n1\u2026\n");
  // Narrower than the columns can get: the line is as short as it may be, never an endless loop.
  EXPECT_EQ(LayOut(table, 5),
            "ID                          CAUSE\n"
            "an_id_that_must_stay_whole  the nod\u2026\n");
}

TEST(Table, WideAndCombiningCharactersKeepTheColumnsStraight) {
  const Table table{{{"NAME"}, {"X"}}, {{"東京", "1"}, {"e\u0301a", "2"}, {"abcd", "3"}}};
  EXPECT_EQ(LayOut(table, 0),
            "NAME  X\n"
            "東京  1\n"
            "e\u0301a    2\n"
            "abcd  3\n");
  EXPECT_EQ(DisplayWidth("東京"), 4U);
  EXPECT_EQ(Shorten("東京都", 4), "東\u2026");
}

TEST(Table, ANameCannotCommandTheTerminal) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\x7f\xc2\x9b"), "a?[31mb?c??");
  EXPECT_EQ(Printable("\xff\xfe ok \xc3"), "?? ok ?");
  EXPECT_EQ(Printable("\u202egpj.exe"), "?gpj.exe");
  EXPECT_EQ(Printable("é 東京 😀"), "é 東京 😀");
}

TEST(Table, PropertiesAreAlignedAndEmptyOnesLeftOut) {
  EXPECT_EQ(LayOutProperties({{"Job", "j1"}, {"Cause", ""}, {"Status", "Queued"}}),
            "Job     j1\n"
            "Status  Queued\n");
}

}  // namespace
}  // namespace muster::cli
