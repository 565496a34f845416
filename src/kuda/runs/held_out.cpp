#include "kuda/runs/held_out.h"

#include <fmt/format.h>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
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
