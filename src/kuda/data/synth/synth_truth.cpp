// truth.csv and the scores of the ideal predictors.

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <string>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/base/folder.h"
#include "kuda/data/sources/prepared.h"
#include "kuda/data/synth/synth.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

std::string name_or_empty(const std::optional<Modality>& modality) {
  return modality ? std::string(modality_name(*modality)) : std::string();
}

/// The shortest text that reads back to the same float.
std::string digits(float value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

void require_same_size(const Dataset& dataset, const std::vector<SynthTruth>& truth) {
  if (truth.size() != dataset.clips.size())
    throw DataError("synthetic truth: expected one row per clip (" + std::to_string(dataset.clips.size()) +
                    "), found " + std::to_string(truth.size()));
}

/// One row of truth.csv with the position of its columns.
class Row {
 public:
  Row(const io::CsvTable& table, std::size_t row) : table_(table), row_(row) {}
  [[nodiscard]] const std::string& text(std::string_view column) const {
    return table_.rows[row_][table_.column(column)];
  }
  [[nodiscard]] float number(std::string_view column) const {
    const std::string& cell = text(column);
    float value = 0;
    const auto result = std::from_chars(cell.data(), cell.data() + cell.size(), value);
    if (result.ec != std::errc() || result.ptr != cell.data() + cell.size() || !std::isfinite(value))
      throw where(column, "a number", cell);
    return value;
  }
  [[nodiscard]] std::optional<Modality> modality(std::string_view column) const {
    const std::string& cell = text(column);
    if (cell.empty()) return std::nullopt;
    for (const Modality modality : kModalities)
      if (modality_name(modality) == cell) return modality;
    throw where(column, "text, vision, audio or nothing", cell);
  }
  [[nodiscard]] DataError where(std::string_view column, std::string_view expected, const std::string& found) const {
    return DataError(table_.path.string() + ":" + std::to_string(table_.lines[row_]) + ": " + std::string(column) +
                     ": expected " + std::string(expected) + ", found '" + found + "'");
  }

 private:
  const io::CsvTable& table_;
  std::size_t row_;
};

SynthTruth parse(const Row& row) {
  SynthTruth truth;
  const auto dominant = row.modality("dominant");
  if (!dominant) throw row.where("dominant", "text, vision or audio", "");
  truth.dominant = *dominant;
  truth.noise = row.modality("noise");
  truth.conflict = row.modality("conflict");
  truth.expected = row.number("expected");
  truth.bayes_prediction = row.number("bayes_prediction");
  truth.bayes_error = row.number("bayes_error");
  truth.decoder_prediction = row.number("decoder_prediction");
  return truth;
}

}  // namespace

void write_truth_csv(const std::filesystem::path& folder, const Dataset& dataset,
                     const std::vector<SynthTruth>& truth) {
  require_same_size(dataset, truth);
  std::string csv = io::csv_line({"video_id", "clip_id", "split", "dominant", "noise", "conflict", "expected",
                                  "bayes_prediction", "bayes_error", "decoder_prediction"});
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const Clip& clip = dataset.clips[i];
    const SynthTruth& t = truth[i];
    csv += io::csv_line({clip.video_id, clip.clip_id, std::string(split_name(clip.split)),
                         std::string(modality_name(t.dominant)), name_or_empty(t.noise), name_or_empty(t.conflict),
                         digits(t.expected), digits(t.bayes_prediction), digits(t.bayes_error),
                         digits(t.decoder_prediction)});
  }
  make_folder(folder);
  write_file(folder / kTruthFile, csv);
}

std::vector<SynthTruth> read_truth_csv(const std::filesystem::path& folder, const Dataset& dataset) {
  const auto table = io::read_csv(folder / kTruthFile);
  const auto video = table.column("video_id"), number = table.column("clip_id");
  std::map<std::string, std::size_t> row_of;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    row_of.emplace(table.rows[i][video] + "$_$" + table.rows[i][number], i);
  std::vector<SynthTruth> truth;
  for (const Clip& clip : dataset.clips) {
    const auto found = row_of.find(clip.id());
    if (found == row_of.end())
      throw DataError(table.path.string() + ": no row for clip " + clip.id(),
                      "make the synthetic set again; truth.csv belongs to one clips.csv");
    truth.push_back(parse(Row(table, found->second)));
  }
  return truth;
}

std::vector<SynthTruth> truth_beside(const Dataset& dataset) {
  const std::filesystem::path folder(dataset.source);
  if (!dataset.is_synthetic || !std::filesystem::exists(folder / kTruthFile)) return {};
  return read_truth_csv(folder, dataset);
}

TruthShares truth_shares(const Dataset& dataset, const std::vector<SynthTruth>& truth, Split split) {
  require_same_size(dataset, truth);
  TruthShares shares;
  const auto rows = dataset.rows(split);
  if (rows.empty()) throw DataError("synthetic truth: no clip in split " + std::string(split_name(split)));
  const double weight = 1 / double(rows.size());
  for (const auto row : rows) {
    const auto& clip = truth[std::size_t(row)];
    shares.dominant[clip.dominant] += weight;
    shares.noise += clip.noise ? weight : 0;
    shares.conflict += clip.conflict ? weight : 0;
  }
  return shares;
}

OracleScores oracle_scores(const Dataset& dataset, const std::vector<SynthTruth>& truth, Split split) {
  require_same_size(dataset, truth);
  OracleScores scores;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const Clip& clip = dataset.clips[i];
    if (clip.split != split) continue;
    ++scores.n;
    scores.bound += double(truth[i].bayes_error);
    scores.bayes_mae += std::abs(double(truth[i].bayes_prediction) - double(clip.label));
    scores.decoder_mae += std::abs(double(truth[i].decoder_prediction) - double(clip.label));
  }
  if (scores.n == 0) throw DataError("synthetic truth: no clip in split " + std::string(split_name(split)));
  for (double* sum : {&scores.bound, &scores.bayes_mae, &scores.decoder_mae}) *sum /= double(scores.n);
  return scores;
}

}  // namespace kuda
