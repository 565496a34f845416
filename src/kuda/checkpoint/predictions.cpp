#include "kuda/checkpoint/predictions.h"

#include <fmt/format.h>

#include <algorithm>
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

bool has_ratio(const Prediction& prediction) {
  return std::any_of(prediction.ratio.begin(), prediction.ratio.end(), [](float ratio) { return !std::isnan(ratio); });
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
  std::vector<std::string> header{"id",           "split",        "label",   "prediction", "prediction_T",
                                  "prediction_V", "prediction_A", "label_T", "label_V",    "label_A"};
  const bool is_weighed = std::any_of(predictions.begin(), predictions.end(), has_ratio);
  if (is_weighed)
    header.insert(header.end(), {"ratio_T", "ratio_V", "ratio_A", "part_T", "part_V", "part_A", "correction"});
  std::string text = io::csv_line(header);
  for (const auto& p : predictions) {
    std::vector<std::string> cells{p.id, std::string(split_name(p.split)), text_of(p.label), text_of(p.score)};
    const auto add = [&](const PerModality<float>& values) {
      for (const float value : values) cells.push_back(text_of(value));
    };
    add(p.unimodal);
    add(p.unimodal_labels);
    if (is_weighed) {
      add(p.ratio);
      add(p.parts);
      cells.push_back(text_of(p.correction));
    }
    text += io::csv_line(cells);
  }
  write_file(path, text);
}

std::vector<Prediction> read_predictions(const std::filesystem::path& path) {
  const auto table = io::read_csv(path);
  const auto id = table.column("id"), split = table.column("split"), label = table.column("label"),
             score = table.column("prediction");
  using Column = std::optional<std::size_t>;
  const auto find = [&](const std::string& name) {
    return table.has_column(name) ? Column(table.column(name)) : Column();
  };
  PerModality<std::size_t> own_score;
  PerModality<Column> own_label, ratio, part;
  for (const auto m : kModalities) {
    own_score[m] = table.column(fmt::format("prediction_{}", letter(m)));
    own_label[m] = find(fmt::format("label_{}", letter(m)));
    ratio[m] = find(fmt::format("ratio_{}", letter(m)));
    part[m] = find(fmt::format("part_{}", letter(m)));
  }
  const auto correction = find("correction");
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
      if (ratio[m]) p.ratio[m] = number_or_unknown(table, i, *ratio[m]);
      if (part[m]) p.parts[m] = number_or_unknown(table, i, *part[m]);
    }
    if (correction) p.correction = number_or_unknown(table, i, *correction);
    predictions.push_back(std::move(p));
  }
  return predictions;
}

LabelledScores labelled_scores(const std::vector<Prediction>& predictions, Split split) {
  LabelledScores labelled;
  for (const auto& p : predictions) {
    if (p.split != split || std::isnan(p.label)) continue;
    labelled.scores.push_back(p.score);
    labelled.labels.push_back(p.label);
  }
  return labelled;
}

Metrics measure(const std::vector<Prediction>& predictions, Split split, MetricFamily family) {
  const auto [scores, labels] = labelled_scores(predictions, split);
  if (scores.empty()) throw DataError(fmt::format("no clip with a known label in the split '{}'", split_name(split)));
  return evaluate_metrics(family, scores, labels);
}

}  // namespace kuda
