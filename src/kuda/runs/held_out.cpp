#include "kuda/runs/held_out.h"

#include <fmt/format.h>

#include <cmath>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/checkpoint/predictions.h"
#include "kuda/io/csv.h"

namespace kuda {

std::vector<std::int64_t> folds_of(const Dataset& dataset, const std::vector<std::int64_t>& rows, std::int64_t count) {
  std::map<std::string, std::int64_t> of_video;
  std::vector<std::int64_t> folds;
  for (const auto row : rows) {
    const auto& video = dataset.clips[std::size_t(row)].video_id;
    const auto next = std::int64_t(of_video.size()) % count;
    folds.push_back(of_video.emplace(video, next).first->second);
  }
  if (std::int64_t(of_video.size()) < count)
    throw ConfigError(fmt::format("pretrain.folds = {}: expected at most one part for each training video, found {} "
                                  "videos in {}",
                                  count, of_video.size(), dataset.source),
                      "set pretrain.folds = 1 or a smaller number");
  return folds;
}

std::vector<std::int64_t> without_fold(const Dataset& dataset, const std::vector<std::int64_t>& rows,
                                       std::int64_t count, std::int64_t fold) {
  const auto folds = folds_of(dataset, rows, count);
  std::vector<std::int64_t> others;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (folds[i] != fold) others.push_back(rows[i]);
  return others;
}

void hold_out(const std::filesystem::path& folder, const Dataset& dataset, const std::vector<std::int64_t>& rows,
              std::int64_t count, const ProcessGroup& group,
              const std::function<void(std::int64_t fold, const std::filesystem::path& folder)>& train) {
  if (group.first_says(std::filesystem::exists(held_out_file(folder, dataset)))) return;
  const auto folds = folds_of(dataset, rows, count);
  const auto folder_of = [&](std::int64_t fold) { return folder / fmt::format("fold{}", fold); };
  for (std::int64_t fold = 0; fold < count; ++fold) train(fold, folder_of(fold));
  group.first_does([&] {
    std::map<std::string, float> scores;
    for (std::int64_t fold = 0; fold < count; ++fold) {
      std::map<std::string, float> all;
      for (const auto& clip : read_predictions(folder_of(fold) / "predictions.csv")) all[clip.id] = clip.score;
      for (std::size_t i = 0; i < rows.size(); ++i)
        if (const auto id = dataset.clips[std::size_t(rows[i])].id(); folds[i] == fold) scores[id] = all.at(id);
    }
    write_held_out(folder, dataset, scores);
    for (std::int64_t fold = 0; fold < count; ++fold) std::filesystem::remove_all(folder_of(fold));
  });
}

namespace {

/// Of the clips of a split that have both; NaN where none has.
double mean_distance(const Dataset& dataset, Split split, const std::map<std::string, float>& scores) {
  double sum = 0;
  std::size_t count = 0;
  for (const auto row : dataset.rows(split)) {
    const auto& clip = dataset.clips[std::size_t(row)];
    const auto found = scores.find(clip.id());
    if (found == scores.end() || std::isnan(clip.label)) continue;
    sum += std::abs(double(found->second) - double(clip.label));
    ++count;
  }
  return sum / double(count);
}

}  // namespace

void scale_distances(const std::filesystem::path& folder, const Dataset& dataset, const std::vector<std::int64_t>& rows,
                     const ProcessGroup& group, const std::function<void(const std::filesystem::path& folder)>& train) {
  if (group.first_says(std::filesystem::exists(held_out_file(folder, dataset)))) return;
  const auto first = folder / "first";
  train(first);
  group.first_does([&] {
    std::map<std::string, float> all, scores;
    for (const auto& clip : read_predictions(first / "predictions.csv")) all[clip.id] = clip.score;
    const double factor = mean_distance(dataset, Split::valid, all) / mean_distance(dataset, Split::train, all);
    if (!std::isfinite(factor))
      throw ConfigError(
          fmt::format("pretrain.folds = 0: {} has no validation clip with a label to compare with", dataset.source),
          "set pretrain.folds = 1, or 2 and more for parts of the training videos");
    for (const auto row : rows) {
      const auto& clip = dataset.clips[std::size_t(row)];
      scores[clip.id()] = float(clip.label + factor * (double(all.at(clip.id())) - clip.label));
    }
    write_held_out(folder, dataset, scores);
    std::filesystem::remove_all(first);
  });
}

std::filesystem::path held_out_file(const std::filesystem::path& folder, const Dataset& dataset) {
  return folder / fmt::format("held_out.{}.csv", dataset.fingerprint.substr(0, 16));
}

void write_held_out(const std::filesystem::path& folder, const Dataset& dataset,
                    const std::map<std::string, float>& scores) {
  auto text = io::csv_line({"id", "score"});
  for (const auto& [id, score] : scores) text += io::csv_line({id, fmt::format("{}", score)});
  write_file(held_out_file(folder, dataset), text);
}

void take_held_out(const std::filesystem::path& folder, Modality modality, Dataset& dataset) {
  for (auto& clip : dataset.clips) clip.held_out[modality] = kUnknown;
  const auto path = held_out_file(folder, dataset);
  if (!std::filesystem::exists(path)) return;
  std::map<std::string, Clip*> clips;
  for (auto& clip : dataset.clips) clips[clip.id()] = &clip;
  const auto table = io::read_csv(path);
  const auto id = table.column("id"), score = table.column("score");
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const auto found = clips.find(table.rows[i][id]);
    if (found == clips.end())
      throw DataError(
          fmt::format("{}:{}: clip {} is not in {}", path.string(), table.lines[i], table.rows[i][id], dataset.source));
    found->second->held_out[modality] = table.number(i, score);
  }
}

}  // namespace kuda
