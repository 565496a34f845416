// Tables as OpenFace's FeatureExtraction writes them.

#include "kuda/data/sources/openface.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "kuda/base/file.h"
#include "kuda/base/test_support.h"
#include "kuda/data/sources/table_import.h"

namespace kuda {
namespace {

using test::error_of;
using test::scratch;
using test::scratch_folder;
using testing::HasSubstr;

/// The columns of OpenFace 2.2 behind the first five, in its order.
std::vector<std::string> all_columns() {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) { names.push_back(name); };
  const auto numbered = [&](const std::string& name, int count) {
    for (int i = 0; i < count; ++i) add(name + std::to_string(i));
  };
  for (const char* name :
       {"gaze_0_x", "gaze_0_y", "gaze_0_z", "gaze_1_x", "gaze_1_y", "gaze_1_z", "gaze_angle_x", "gaze_angle_y"})
    add(name);
  for (const char* name : {"eye_lmk_x_", "eye_lmk_y_", "eye_lmk_X_", "eye_lmk_Y_", "eye_lmk_Z_"}) numbered(name, 56);
  for (const char* name : {"pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"}) add(name);
  for (const char* name : {"x_", "y_", "X_", "Y_", "Z_"}) numbered(name, 68);
  for (const char* name : {"p_scale", "p_rx", "p_ry", "p_rz", "p_tx", "p_ty"}) add(name);
  numbered("p_", 34);
  for (const char* unit :
       {"01", "02", "04", "05", "06", "07", "09", "10", "12", "14", "15", "17", "20", "23", "25", "26", "45"})
    add(std::string("AU") + unit + "_r");
  for (const char* unit :
       {"01", "02", "04", "05", "06", "07", "09", "10", "12", "14", "15", "17", "20", "23", "25", "26", "28", "45"})
    add(std::string("AU") + unit + "_c");
  return names;
}

struct Row {
  int frame, face;
  double time;
  bool success;
};

/// Column c of frame f holds f + c / 1000. Blanks stand before names and numbers, as OpenFace writes them.
std::string table(const std::vector<Row>& rows, const std::vector<std::string>& columns) {
  std::string text = "frame, face_id, timestamp, confidence, success";
  for (const auto& name : columns) text += ", " + name;
  text += "\n";
  for (const auto& row : rows) {
    text += fmt::format("{}, {}, {:.3f}, {}, {}", row.frame, row.face, row.time, row.success ? 0.98 : 0.02,
                        row.success ? 1 : 0);
    for (std::size_t c = 0; c < columns.size(); ++c) text += fmt::format(", {}", row.frame + double(c) / 1000);
    text += "\n";
  }
  return text;
}

std::filesystem::path file_with(const std::string& text) {
  write_file(scratch("face.csv"), text);
  return scratch("face.csv");
}

const std::vector<Row> kRows{{1, 0, 0, true}, {2, 0, 0.033, false}, {3, 0, 0.067, true}, {4, 0, 0.1, true}};

TEST(OpenFace, AllColumnsAre709) {
  const auto face = read_openface(file_with(table(kRows, all_columns())), OpenFaceColumns::all);
  EXPECT_EQ(face.columns.size(), 709U);
  EXPECT_EQ(face.columns, all_columns());
  EXPECT_EQ(face.values.sizes(), (std::vector<std::int64_t>{4, 709}));
  EXPECT_FLOAT_EQ(face.values[2][708].item<float>(), 3.708F);
  EXPECT_NEAR(face.rate, 30, 1e-9);
  EXPECT_NEAR(face.confidence, 0.98, 1e-9);
}

TEST(OpenFace, ThePublishedChoiceIs177InTheOrderOfTheTable) {
  const auto face = read_openface(file_with(table(kRows, all_columns())), OpenFaceColumns::published);
  ASSERT_EQ(face.columns.size(), 177U);
  const auto all = all_columns();
  std::vector<std::string> in_order;
  std::copy_if(all.begin(), all.end(), std::back_inserter(in_order), [&](const auto& name) {
    return std::find(face.columns.begin(), face.columns.end(), name) != face.columns.end();
  });
  EXPECT_EQ(face.columns, in_order);
  EXPECT_EQ(face.columns.front(), "pose_Tx");
  EXPECT_EQ(face.columns.back(), "AU45_c");
  const auto place = std::find(all.begin(), all.end(), "x_10") - all.begin();
  EXPECT_FLOAT_EQ(face.values[0][16].item<float>(), 1 + float(place) / 1000);
}

TEST(OpenFace, FramesWithoutAFaceAreMissing) {
  auto rows = kRows;
  rows.push_back({7, 0, 0.2, true});  // 5 and 6 are left out
  const auto face = read_openface(file_with(table(rows, all_columns())), OpenFaceColumns::published);
  EXPECT_EQ(face.found, (std::vector<bool>{true, false, true, true, false, false, true}));
  EXPECT_EQ(face.failed, 3);
  EXPECT_EQ(face.values[1].abs().max().item<float>(), 0) << "OpenFace writes numbers there";
  EXPECT_FLOAT_EQ(face.values[6][0].item<float>(), 7.288F);
  const std::vector<Row> late{kRows.begin() + 2, kRows.end()};
  const auto cut = read_openface(file_with(table(late, {"a"})), OpenFaceColumns::all);
  EXPECT_EQ(cut.found, (std::vector<bool>{false, false, true, true})) << "rows without a face were taken out";
  auto text = table(kRows, {"pose_Tx", "pose_Ty"});
  text.replace(text.find("3.001"), 5, "-nan(ind)");
  EXPECT_EQ(read_openface(file_with(text), OpenFaceColumns::all).found, (std::vector<bool>{true, false, false, true}));
}

TEST(OpenFace, OfSeveralFacesTheOneFoundInMostFramesIsTaken) {
  const auto text = table({{1, 0, 0, true}, {1, 1, 0, true}, {2, 0, 0.04, false}, {2, 1, 0.04, true}}, {"a"});
  const auto face = read_openface(file_with(text), OpenFaceColumns::all);
  EXPECT_EQ(face.faces, 2);
  EXPECT_EQ(face.found, (std::vector<bool>{true, true}));
}

TEST(OpenFace, ReadsTablesWithoutBlanksAndWithoutFaceNumbers) {
  const auto face = read_openface(
      file_with("frame,timestamp,confidence,success,AU01_r\n1,0,0.9,1,0.5\n2,0.04,0.9,1,1.5\n"), OpenFaceColumns::all);
  EXPECT_EQ(face.columns, std::vector<std::string>{"AU01_r"});
  EXPECT_FLOAT_EQ(face.values[1][0].item<float>(), 1.5F);
  EXPECT_NEAR(face.rate, 25, 1e-9);
}

TEST(OpenFace, ErrorsNameFileLineAndColumn) {
  const auto message = [](const std::string& text, OpenFaceColumns columns = OpenFaceColumns::all) {
    return error_of<DataError>([&] { (void)read_openface(file_with(text), columns); });
  };
  EXPECT_THAT(message("a,b\n1,2\n"),
              HasSubstr("face.csv: no table of OpenFace: expected the columns frame, timestamp"));
  EXPECT_THAT(message(table(kRows, {"pose_Tx"}), OpenFaceColumns::published),
              HasSubstr("176 of the 177 published columns are missing, the first is 'pose_Ty'"));
  auto text = table(kRows, {"pose_Tx"});
  EXPECT_THAT(message(text.replace(text.rfind("4"), 1, "?")),
              HasSubstr("line 5: pose_Tx: expected a number, found '?'"));
  EXPECT_THAT(message(table({{1, 0, 0, true}, {1, 0, 0.04, true}}, {"a"})),
              HasSubstr("line 3: frame: expected a number after 1, found 1"));
  EXPECT_THAT(message(table({{1, 0, 3600, true}, {2, 0, 3600.04, true}}, {"a"})),
              HasSubstr("line 2: timestamp: expected the time since the video's start, found 90000 frames before a"));
  EXPECT_THAT(message(table({{1, 0, 0.5, true}, {2, 0, 0.04, true}}, {"a"})),
              HasSubstr("line 3: timestamp: expected at least 0.5 s"));
  EXPECT_THAT(message(table(kRows, {})), HasSubstr("no column but those that count frames"));
}

TEST(OpenFace, AFolderOfTablesIsTheVisionOfALabelTable) {
  const auto folder = scratch_folder("processed");
  std::filesystem::create_directories(folder / "v1");
  write_file(folder / "v1" / "0001.csv", table(kRows, all_columns()));
  write_file(folder / "v1$_$0002.csv", table({{1, 0, 0, false}, {2, 0, 0.033, false}}, all_columns()));
  write_file(folder / "v2_0001.csv",
             table({{1, 0, 0, true}, {2, 0, 0.033, true}, {3, 0, 0.066, false}}, all_columns()));
  write_file(scratch("label.csv"),
             "video_id,clip_id,text,label,mode\nv1,0001,a,0.5,train\nv1,0002,b,-1,train\nv2,0001,c,2,valid\nv3,0001,d,"
             "0,test\n");
  TableSources sources;
  sources.labels = scratch("label.csv");
  sources.feature.vision = folder;
  sources.openface = OpenFaceColumns::published;
  const test::CaughtLog log;
  const Dataset data = import_table(sources, scratch("set"));
  EXPECT_EQ(data.vision->width(), 177);
  EXPECT_EQ(data.vision->lengths, (std::vector<std::int64_t>{4, 0, 3, 0}));
  EXPECT_FLOAT_EQ(data.vision->clip(2)[1][0].item<float>(), 2.288F);
  EXPECT_NEAR(data.vision->rate, 30, 0.4);
  EXPECT_EQ(data.vision->extractor, "OpenFace, 177 columns");
  EXPECT_THAT(log.text(), HasSubstr("177 columns of OpenFace, 9 frames; 4 of them without a face are zeros; 1 clips "
                                    "without a face and 1 without a table have no vision"));
  write_file(folder / "v3_0001.csv", table(kRows, {"pose_Tx"}));
  sources.openface = OpenFaceColumns::all;
  EXPECT_THAT(error_of<DataError>([&] { import_table(sources, scratch("set")); }),
              HasSubstr("v3_0001.csv: columns differ from those of"));
  sources.feature.vision = scratch_folder("empty");
  EXPECT_THAT(error_of<DataError>([&] { import_table(sources, scratch("set")); }),
              testing::AllOf(HasSubstr("holds no table of any of the 4 clips"), HasSubstr("expected v1/0001.csv")));
}

}  // namespace
}  // namespace kuda
