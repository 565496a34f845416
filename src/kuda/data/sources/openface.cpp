#include "kuda/data/sources/openface.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "kuda/base/error.h"
#include "kuda/base/log.h"
#include "kuda/base/names.h"
#include "kuda/io/csv.h"
#include "kuda/tensor/tensor.h"

namespace kuda {
namespace {

namespace fs = std::filesystem;
using torch::Tensor;

const std::set<std::string> kLeading{"frame", "face_id", "timestamp", "confidence", "success"};

std::vector<std::string> published_columns() {
  std::vector<std::string> names;
  for (const char* name : {"pose_Tx", "pose_Ty", "pose_Tz", "pose_Rx", "pose_Ry", "pose_Rz"}) names.emplace_back(name);
  for (const char axis : {'x', 'y'})
    for (int i = 0; i < 68; ++i) names.push_back(fmt::format("{}_{}", axis, i));
  const auto units = {1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 45};
  for (const int unit : units) names.push_back(fmt::format("AU{:02}_r", unit));
  for (const int unit : units) {
    names.push_back(fmt::format("AU{:02}_c", unit));
    if (unit == 26) names.emplace_back("AU28_c");  // found or not, without an intensity
  }
  return names;
}

class Table {
 public:
  explicit Table(const fs::path& path) : csv_(io::read_any_csv(path)) {
    if (!csv_.has_column("timestamp") || !csv_.has_column("success"))
      throw DataError(fmt::format("{}: no table of OpenFace: expected the columns frame, timestamp, confidence and "
                                  "success, found {}",
                                  path.string(), join(first_names())),
                      "FeatureExtraction writes them; FaceLandmarkImg, for single pictures, has no times");
  }

  [[nodiscard]] std::vector<std::string> features(OpenFaceColumns columns) const {
    if (columns == OpenFaceColumns::published) {
      auto names = published_columns();
      std::vector<std::string> missing;
      std::copy_if(names.begin(), names.end(), std::back_inserter(missing),
                   [&](const auto& name) { return !csv_.has_column(name); });
      if (!missing.empty())
        throw DataError(fmt::format("{}: {} of the 177 published columns are missing, the first is '{}'",
                                    csv_.path.string(), missing.size(), missing.front()),
                        "run FeatureExtraction with -2Dfp -pose -aus, or take all columns");
      return names;
    }
    std::vector<std::string> names;
    std::copy_if(csv_.header.begin(), csv_.header.end(), std::back_inserter(names),
                 [](const auto& name) { return !kLeading.contains(name); });
    if (names.empty()) throw DataError(csv_.path.string() + ": has no column but those that count frames");
    return names;
  }

  [[nodiscard]] std::size_t rows() const noexcept { return csv_.rows.size(); }
  [[nodiscard]] bool has(std::string_view name) const noexcept { return csv_.has_column(name); }
  [[nodiscard]] std::size_t column(std::string_view name) const { return csv_.column(name); }

  [[nodiscard]] double number(std::size_t row, std::size_t column) const {
    const auto& cell = csv_.rows[row][column];
    double value = 0;
    const auto last = cell.data() + cell.size();
    const auto [end, error] = std::from_chars(cell.data(), last, value);
    if (error != std::errc() || end != last)
      throw FormatError(fmt::format("{}: line {}: {}: expected a number, found '{}'", csv_.path.string(),
                                    csv_.lines[row], csv_.header[column], cell));
    return value;
  }

  [[noreturn]] void refuse(std::size_t row, const std::string& message) const {
    throw DataError(fmt::format("{}: line {}: {}", csv_.path.string(), csv_.lines[row], message));
  }

 private:
  [[nodiscard]] std::vector<std::string> first_names() const {
    auto names = csv_.header;
    if (names.size() > 8) {
      names.resize(8);
      names.emplace_back("...");
    }
    return names;
  }
  io::CsvTable csv_;
};

/// Rows of the face that was found in most frames, and how many faces there are.
std::pair<std::vector<std::size_t>, std::int64_t> rows_of_one_face(const Table& table) {
  std::map<double, std::vector<std::size_t>> rows;
  std::map<double, std::int64_t> successes;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const double face = table.has("face_id") ? table.number(row, table.column("face_id")) : 0;
    rows[face].push_back(row);
    successes[face] += table.number(row, table.column("success")) > 0 ? 1 : 0;
  }
  if (rows.empty()) return {};
  const auto best = std::max_element(successes.begin(), successes.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  return {rows.at(best->first), std::int64_t(rows.size())};
}

/// Where each row belongs, counted from the first, by its number of the frame where there is one.
std::vector<std::int64_t> places_of(const Table& table, const std::vector<std::size_t>& rows) {
  std::vector<std::int64_t> places;
  const bool has_frame = table.has("frame");
  double first = 0, last_time = -INFINITY;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double frame = has_frame ? table.number(rows[i], table.column("frame")) : double(i);
    const double time = table.number(rows[i], table.column("timestamp"));
    if (i == 0) first = frame;
    const auto place = std::int64_t(std::clamp(frame - first, -1.0, 1e9));
    // FeatureExtraction writes every frame: a number far beyond the rows is no reason to take memory.
    if (frame != std::floor(frame) || (i > 0 && place <= places.back()) || place > std::int64_t(1000 + 50 * i))
      table.refuse(rows[i], fmt::format("frame: expected a number after {}, found {}",
                                        i > 0 ? first + double(places.back()) : 0, frame));
    // Three digits: two frames of a fast camera may have one time.
    if (!std::isfinite(time) || time < last_time)
      table.refuse(rows[i], fmt::format("timestamp: expected at least {} s, found {}", last_time, time));
    last_time = time;
    places.push_back(place);
  }
  return places;
}

double rate_of(const Table& table, const std::vector<std::size_t>& rows, const std::vector<std::int64_t>& places) {
  if (rows.size() < 2) return 0;
  const auto time = table.column("timestamp");
  const double seconds = table.number(rows.back(), time) - table.number(rows.front(), time);
  return seconds > 0 ? double(places.back()) / seconds : 0;
}

std::int64_t leading_frames(const Table& table, const std::vector<std::size_t>& rows, double rate) {
  const double frames = table.number(rows.front(), table.column("timestamp")) * rate;
  if (frames < 0 || frames > 1000 + 50 * double(rows.size()))
    table.refuse(rows.front(), fmt::format("timestamp: expected the time since the video's start, found {:.0f} frames "
                                           "before a table of {} rows",
                                           frames, rows.size()));
  return std::llround(frames);
}

std::string first_difference(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  const auto name = [](auto at, auto end) { return at == end ? std::string("nothing") : "'" + *at + "'"; };
  return fmt::format("{} against {}", name(left, a.end()), name(right, b.end()));
}

std::optional<fs::path> table_of(const fs::path& folder, const Clip& clip) {
  for (const auto& name :
       {clip.video_id + "/" + clip.clip_id, clip.id(), clip.video_id + "_" + clip.clip_id, clip.video_id})
    if (const auto path = folder / (name + ".csv"); fs::is_regular_file(path)) return path;
  return std::nullopt;
}

}  // namespace

OpenFaceFrames read_openface(const fs::path& path, OpenFaceColumns columns) {
  const Table table(path);
  OpenFaceFrames result;
  result.columns = table.features(columns);
  std::vector<std::size_t> cells;
  for (const auto& name : result.columns) cells.push_back(table.column(name));
  const auto [rows, faces] = rows_of_one_face(table);
  auto places = places_of(table, rows);
  result.faces = faces;
  result.rate = rate_of(table, rows, places);
  // A table whose first rows were taken out begins later: what is missing is missing, and nothing moves forward.
  const auto lead = places.empty() ? 0 : leading_frames(table, rows, result.rate);
  for (auto& place : places) place += lead;
  const std::int64_t frames = places.empty() ? 0 : places.back() + 1;
  result.values = torch::zeros({frames, std::int64_t(cells.size())});
  result.found.assign(std::size_t(frames), false);
  std::int64_t found = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!(table.number(rows[i], table.column("success")) > 0)) continue;
    auto* out = result.values.mutable_data_ptr<float>() + places[i] * std::int64_t(cells.size());
    bool is_finite = true;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      out[c] = float(table.number(rows[i], cells[c]));
      is_finite = is_finite && std::isfinite(out[c]);
    }
    if (!is_finite) {
      std::fill_n(out, cells.size(), 0.0F);
      continue;
    }
    result.found[std::size_t(places[i])] = true;
    ++found;
    if (table.has("confidence")) result.confidence += table.number(rows[i], table.column("confidence"));
  }
  result.failed = frames - found;
  if (found > 0) result.confidence /= double(found);
  return result;
}

OpenFaceClips read_openface_clips(const fs::path& folder, const std::vector<Clip>& clips, OpenFaceColumns columns) {
  OpenFaceClips result;
  std::vector<std::optional<fs::path>> tables;
  for (const auto& clip : clips) tables.push_back(table_of(folder, clip));
  const auto without_table = std::count(tables.begin(), tables.end(), std::nullopt);
  if (without_table == std::ptrdiff_t(clips.size()))
    throw DataError(fmt::format("{}: holds no table of any of the {} clips", folder.string(), clips.size()),
                    clips.empty() ? ""
                                  : fmt::format("expected {0}/{1}.csv, {0}$_${1}.csv or {0}_{1}.csv", clips[0].video_id,
                                                clips[0].clip_id));
  std::optional<std::vector<std::string>> names;
  fs::path first;
  std::int64_t frames = 0, failed = 0, without_face = 0, several = 0;
  double lowest_rate = INFINITY, highest_rate = 0;
  for (const auto& table : tables) {
    if (!table) {
      result.lengths.push_back(0);
      result.parts.push_back({});
      continue;
    }
    const auto face = read_openface(*table, columns);
    if (!names) {
      names = face.columns;
      first = *table;
    } else if (*names != face.columns) {
      throw DataError(fmt::format("{}: columns differ from those of {}: {}", table->string(), first.string(),
                                  first_difference(face.columns, *names)));
    }
    const auto length = face.failed == face.values.size(0) ? 0 : face.values.size(0);
    frames += face.values.size(0);
    failed += face.failed;
    without_face += length == 0 ? 1 : 0;
    several += face.faces > 1 ? 1 : 0;
    if (face.rate > 0) {
      lowest_rate = std::min(lowest_rate, face.rate);
      highest_rate = std::max(highest_rate, face.rate);
    }
    result.lengths.push_back(length);
    result.parts.push_back({io::to_array(face.values.slice(0, 0, length).unsqueeze(0)), table->string()});
  }
  for (auto& part : result.parts)
    if (part.name.empty())
      part = {io::make_array({1, 0, std::int64_t(names->size())}, std::vector<float>{}), folder.string()};
  // Timestamps of three digits give a rate to 1 %.
  if (highest_rate > 0 && highest_rate < 1.02 * lowest_rate) result.rate = (lowest_rate + highest_rate) / 2;
  log_info(
      "{}: {} columns of OpenFace, {} frames; {} of them without a face are zeros; {} clips without a face and {} "
      "without a table have no vision; {} clips show several faces, of which the one found most often is taken",
      folder.string(), names->size(), frames, failed, without_face, without_table, several);
  if (highest_rate > 0 && result.rate == 0)
    log_warning("{}: clips have {:.3g} to {:.3g} frames a second: a frame does not last as long everywhere",
                folder.string(), lowest_rate, highest_rate);
  return result;
}

}  // namespace kuda
