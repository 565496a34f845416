#include "kuda/checkpoint/predictions.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/csv.h"

namespace kuda {
namespace {

std::string text_of(float value) { return std::isnan(value) ? std::string() : fmt::format("{}", value); }

float number_or_unknown(const io::CsvTable& table, std::size_t row, std::size_t column) {
  return table.rows[row][column].empty() ? kUnknown : table.number(row, column);
}

float label_of(const io::CsvTable& table, std::size_t row, std::size_t column) {
  const float value = number_or_unknown(table, row, column);
  if (std::isinf(value)) throw table.wrong(row, column, "a label");
  return value;
}

Split split_of(const io::CsvTable& table, std::size_t row, std::size_t column) {
  for (const auto split : kSplits)
    if (table.rows[row][column] == split_name(split)) return split;
  throw table.wrong(row, column, "train, valid or test");
}

}  // namespace

std::vector<Prediction> predict_dataset(Model& model, const Collate& collate, const Dataset& dataset,
                                        const std::vector<std::int64_t>& rows, const PredictOptions& options) {
  auto predictions = predict_rows(model, collate, rows, options);
  for (std::size_t i = 0; i < rows.size(); ++i)
    predictions[i].split = dataset.clips[static_cast<std::size_t>(rows[i])].split;
  return predictions;
}

void write_predictions(const std::filesystem::path& path, const std::vector<Prediction>& predictions) {
  std::string text = io::csv_line({"id", "split", "label", "prediction", "prediction_T", "prediction_V", "prediction_A",
                                   "label_T", "label_V", "label_A"});
  for (const auto& p : predictions)
    text += io::csv_line({p.id, std::string(split_name(p.split)), text_of(p.label), text_of(p.score),
                          text_of(p.unimodal.text), text_of(p.unimodal.vision), text_of(p.unimodal.audio),
                          text_of(p.unimodal_labels.text), text_of(p.unimodal_labels.vision),
                          text_of(p.unimodal_labels.audio)});
  write_file(path, text);
}

std::vector<Prediction> read_predictions(const std::filesystem::path& path) {
  const auto table = io::read_csv(path);
  const auto id = table.column("id"), split = table.column("split"), label = table.column("label"),
             score = table.column("prediction");
  PerModality<std::size_t> own_score;
  PerModality<std::optional<std::size_t>> own_label;
  for (const auto m : kModalities) {
    own_score[m] = table.column(fmt::format("prediction_{}", letter(m)));
    if (const auto name = fmt::format("label_{}", letter(m)); table.has_column(name)) own_label[m] = table.column(name);
  }
  std::vector<Prediction> predictions;
  std::array<std::unordered_map<std::string, std::size_t>, 3> line_of;  // by split and id
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto& row = table.rows[i];
    const auto where = fmt::format("{}:{}", path.string(), table.lines[i]);
    Prediction p;
    p.id = row[id];
    if (p.id.empty()) throw DataError(where + ": no id");
    if (row[score].empty()) throw DataError(where + ": no prediction");
    p.split = split_of(table, i, split);
    if (const auto [first, is_new] = line_of[std::size_t(p.split)].emplace(p.id, table.lines[i]); !is_new)
      throw DataError(fmt::format("{}: clip '{}' stands in line {} too", where, p.id, first->second));
    p.label = label_of(table, i, label);
    p.score = number_or_unknown(table, i, score);
    for (const auto m : kModalities) {
      p.unimodal[m] = number_or_unknown(table, i, own_score[m]);
      if (own_label[m]) p.unimodal_labels[m] = label_of(table, i, *own_label[m]);
    }
    predictions.push_back(std::move(p));
  }
  return predictions;
}

Metrics measure(const std::vector<Prediction>& predictions, Split split, MetricFamily family) {
  std::vector<float> scores, labels;
  for (const auto& p : predictions) {
    if (p.split != split || std::isnan(p.label)) continue;
    scores.push_back(p.score);
    labels.push_back(p.label);
  }
  if (scores.empty()) throw DataError(fmt::format("no clip with a known label in the split '{}'", split_name(split)));
  return evaluate_metrics(family, scores, labels);
}

}  // namespace kuda
