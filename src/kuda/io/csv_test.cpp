#include "kuda/io/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"

namespace kuda::io {
namespace {

using Rows = std::vector<std::vector<std::string>>;
using test::error_of;
using testing::HasSubstr;

TEST(Csv, ReadsQuotesCommasAndLineBreaksInCells) {
  const CsvTable table = parse_csv("id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n2,\n", "t.csv");
  EXPECT_EQ(table.header, (std::vector<std::string>{"id", "text"}));
  EXPECT_EQ(table.rows, (Rows{{"1", "a, \"b\"\nc"}, {"2", ""}}));
  EXPECT_EQ(table.lines, (std::vector<std::size_t>{2, 4}));
}

TEST(Csv, SkipsByteOrderMarkAndEmptyLines) {
  const CsvTable table = parse_csv("\xEF\xBB\xBFid\n\n7\n\n", "t.csv");
  EXPECT_EQ(table.column("id"), 0U);
  EXPECT_EQ(table.rows, (Rows{{"7"}}));
}

TEST(Csv, TakesTheLastLineWithoutLineBreak) { EXPECT_EQ(parse_csv("a,b\n1,2", "t.csv").rows, (Rows{{"1", "2"}})); }

TEST(Csv, KeepsLeadingZerosAndSpaces) { EXPECT_EQ(parse_csv("a\n 0001 \n", "t.csv").rows, (Rows{{" 0001 "}})); }

TEST(Csv, NamesAColumnThatIsMissing) {
  const CsvTable table = parse_csv("video_id,label\n", "label.csv");
  EXPECT_FALSE(table.has_column("text"));
  EXPECT_EQ(table.column("label"), 1U);
  try {
    static_cast<void>(table.column("lable"));
    FAIL() << "no error";
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("label.csv: no column 'lable', found: video_id, label"));
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'label'"));
  }
}

TEST(Csv, NamesTheLineOfAFault) {
  const auto message = [](const std::string& text) {
    return error_of<FormatError>([&] { static_cast<void>(parse_csv(text, "t.csv")); });
  };
  EXPECT_THAT(message(""), HasSubstr("t.csv: line 1: the table is empty"));
  EXPECT_THAT(message("a,b\n1,2\n1,2,3\n"), HasSubstr("t.csv: line 3: expected 2 cells, found 3"));
  EXPECT_THAT(message("a,b\n1,\"2\n"), HasSubstr("t.csv: line 2: a quoted cell never ends"));
  EXPECT_THAT(message("a,b\n1,\"2\"x\n"), HasSubstr("t.csv: line 2: text after the closing quote"));
  EXPECT_THAT(message("a,b\n1,\xff\n"), HasSubstr("t.csv: line 2: '\\xff' is not UTF-8"));
  EXPECT_THAT(message("a,a\n"), HasSubstr("t.csv: line 1: column 'a' comes twice"));
}

TEST(Csv, WritesWhatItReads) {
  const Rows rows{{"a,b", "c\"d", "e\nf"}, {"", "x", " y "}, {"r\rs", "t", "\xE6\xB1\x89"}};
  std::string text = csv_line({"one", "two", "three"});
  for (const auto& row : rows) text += csv_line(row);
  EXPECT_EQ(csv_line(rows[0]), "\"a,b\",\"c\"\"d\",\"e\nf\"\n");
  const auto path = test::scratch("table.csv");
  write_file(path, text);
  EXPECT_EQ(read_csv(path).rows, rows);
  EXPECT_EQ(parse_csv("a\n" + csv_line({""}), "t.csv").rows, (Rows{{""}}));
}

TEST(Csv, ACellThatStartsWithAByteOrderMarkKeepsIt) {  // found by fuzzing
  const std::string name =
      "\xEF\xBB\xBF"
      "a";
  EXPECT_EQ(parse_csv(csv_line({name}) + "1\n", "t.csv").header, std::vector<std::string>{name});
}

const Rows kTwoRows{{"v,1", "a \"b\"\nc"}, {"w", ""}};

TEST(AnyCsv, FindsTheSeparatorOfTheFirstLine) {
  for (const char separator : {',', ';', '\t', '|'}) {
    std::string text = "id,text\n\"v,1\",\"a \"\"b\"\"\nc\"\nw,\n";
    for (const std::size_t at : {text.find(','), text.find("\",\"") + 1, text.rfind(',')}) text[at] = separator;
    const CsvTable table = parse_any_csv(text, "t.csv");
    EXPECT_EQ(table.header, (std::vector<std::string>{"id", "text"})) << separator;
    EXPECT_EQ(table.rows, kTwoRows) << separator;
    EXPECT_EQ(table.notes.size(), separator == ',' ? 0U : 1U) << separator;
  }
  EXPECT_THAT(parse_any_csv("a\tb\n", "t.csv").notes, testing::ElementsAre("separated by tabs"));
  EXPECT_EQ(parse_any_csv("a;b;\"c,d,e,f\"\n1;2;3\n", "t.csv").rows, (Rows{{"1", "2", "3"}})) << "quoted commas";
}

TEST(AnyCsv, TakesTheSeparatorThatExcelNames) {
  const CsvTable table = parse_any_csv("sep=;\r\nid,x;b\r\n1;2\r\n", "t.csv");
  EXPECT_EQ(table.header, (std::vector<std::string>{"id,x", "b"}));
  EXPECT_EQ(table.lines, (std::vector<std::size_t>{3}));
}

TEST(AnyCsv, KnowsAllLineEnds) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const CsvTable table = parse_any_csv("a,b" + end + "1,2" + end + end + "3,\"4" + end + "\"" + end, "t.csv");
    EXPECT_EQ(table.rows, (Rows{{"1", "2"}, {"3", "4" + end}}));
  }
  EXPECT_EQ(parse_any_csv("a,b\n1\r,2\n", "t.csv").rows, (Rows{{"1\r", "2"}})) << "lines end with \\n here";
}

TEST(AnyCsv, ReadsUtf16WithItsMark) {
  const std::string text = "id\ttext\n1\t\xE6\xB1\x89\xF0\x9F\x98\x80\n";
  const std::u16string units = u"\uFEFFid\ttext\n1\t\u6C49\U0001F600\n";
  for (const bool is_big_endian : {false, true}) {
    std::string bytes;
    for (const char16_t unit : units) {
      const char low = static_cast<char>(unit & 0xFFU), high = static_cast<char>(unit >> 8U);
      bytes += is_big_endian ? high : low;
      bytes += is_big_endian ? low : high;
    }
    EXPECT_EQ(parse_any_csv(bytes, "t.csv").rows, parse_any_csv(text, "t.csv").rows);
    EXPECT_THAT(parse_any_csv(bytes, "t.csv").notes, testing::Contains("read as UTF-16"));
    EXPECT_THAT(error_of<FormatError>([&] { (void)parse_any_csv(bytes.substr(2), "t.csv"); }),
                HasSubstr("iconv -f UTF-16LE"));
  }
}

TEST(AnyCsv, NamesHaveNoMarksAndNoSpacesAround) {
  const std::string mark = "\xEF\xBB\xBF";
  EXPECT_EQ(parse_any_csv(mark + mark + "id\xC2\xA0, text \n1,2\n", "t.csv").header,
            (std::vector<std::string>{"id", "text"}));
}

TEST(AnyCsv, NamesThatDifferInSpacesOnlyComeTwice) {
  EXPECT_THAT(error_of<FormatError>([] { (void)parse_any_csv("label,label \n1,2\n", "t.csv"); }),
              HasSubstr("t.csv: line 1: column 'label' comes twice"));
}

TEST(AnyCsv, LeavesOutWhatASpreadsheetAdds) {
  EXPECT_EQ(parse_any_csv("a,b\n1,2\n,\n , \n", "t.csv").rows, (Rows{{"1", "2"}})) << "rows of empty cells at the end";
  EXPECT_EQ(parse_any_csv("a,b\n,\n1,2\n", "t.csv").rows.size(), 2U) << "rows count: arrays belong to them";
  EXPECT_EQ(parse_any_csv("a,b\n1,2,,\n", "t.csv").rows, (Rows{{"1", "2"}}));
  EXPECT_THAT(error_of<FormatError>([] { (void)parse_any_csv("a,b\n1,2,3\n", "t.csv"); }), HasSubstr("found 3"));
  const CsvTable spaced = parse_any_csv("a, b, c\n1, \"x, y\", z\n", "t.csv");
  EXPECT_EQ(spaced.column("c"), 2U);
  EXPECT_EQ(spaced.rows, (Rows{{"1", "x, y", "z"}}));
}

TEST(AnyCsv, NamesWhatIsNoTable) {
  const auto message = [](const std::string& text) {
    return error_of<FormatError>([&] { (void)parse_any_csv(text, "t.csv"); });
  };
  EXPECT_THAT(message("PK\x03\x04..."), HasSubstr("t.csv: expected a table as text, found an Excel workbook"));
  EXPECT_THAT(message("\x1f\x8b..."), HasSubstr("a gzip file\n  hint: unpack it first: gunzip -c 't.csv' > NEW.csv"));
  EXPECT_THAT(message("PAR1...."), HasSubstr("pandas.read_parquet('t.csv').to_csv('label.csv', index=False)"));
  EXPECT_THAT(message("<table><tr>"), HasSubstr("a web page (HTML)"));
  EXPECT_THAT(message("[{\"text\": 1}]"), HasSubstr("a JSON text\n  hint: in Python, with pandas: pandas.read_json"));
  EXPECT_THAT(message("text\n\xB5\xE7\xD3\xB0\n"), HasSubstr("iconv -f GB18030 -t UTF-8"))
      << "GBK of a Chinese Windows";
}

TEST(Csv, ReadsTheLabelTableOfChSims) {
  const auto path = test::shared_file("data/chsims/label.csv");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is absent";
  const CsvTable table = read_csv(path);
  EXPECT_EQ(table.rows.size(), 2281U);
  EXPECT_EQ(table.rows[0][table.column("clip_id")], "0001");
}

TEST(AnyCsv, AZeroByteIsNamedWithItsLine) {
  const std::string text = std::string("video_id,text\nv,a fine film\nw,a") + '\0' + "b\n";
  EXPECT_THAT(test::error_of<FormatError>([&] { (void)parse_any_csv(text, "label.csv"); }),
              testing::HasSubstr("label.csv: line 3: a zero byte"));
  std::string wide;
  for (const char c : std::string("video_id,text\n")) wide += std::string(1, c) + '\0';
  EXPECT_THAT(test::error_of<FormatError>([&] { (void)parse_any_csv(wide, "label.csv"); }),
              testing::HasSubstr("UTF-16 without a mark"));
}

}  // namespace
}  // namespace kuda::io
