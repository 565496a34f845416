#include "kuda/runs/new_folder.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace kuda {
namespace {

namespace fs = std::filesystem;

/// But for the lock of a run that was refused before.
bool is_empty_folder(const fs::path& folder) {
  std::error_code unreadable;
  const fs::directory_iterator files(folder, unreadable);
  return !unreadable &&
         std::all_of(begin(files), end(files), [](const auto& file) { return file.path().filename() == ".lock"; });
}

bool holds_work(const fs::path& folder) {
  const fs::recursive_directory_iterator files(folder);
  return std::any_of(begin(files), end(files), [](const auto& file) {
    const auto name = file.path().filename().string();
    return name == "last.safetensors" || name == "metrics.json" || name.starts_with("held_out.");
  });
}

}  // namespace

NewFolder::NewFolder(fs::path folder) : folder_(std::move(folder)), made_(folder_) {
  std::error_code unreadable;  // whoever writes there says it better
  has_options_ = fs::exists(folder_ / "config.toml", unreadable);
  is_empty_ = !fs::exists(folder_, unreadable) || is_empty_folder(folder_);
  while (made_.has_parent_path() && made_ != made_.parent_path() && !fs::exists(made_.parent_path(), unreadable))
    made_ = made_.parent_path();
}

void NewFolder::take_back() const noexcept {
  try {
    if (holds_work(folder_)) return;
    if (!has_options_) fs::remove(folder_ / "config.toml");
    if (!is_empty_) return;
    fs::remove_all(folder_);
    for (auto above = folder_; above != made_;) {
      above = above.parent_path();
      fs::remove(above);  // throws where it is not empty: of another run
    }
  } catch (const std::exception&) {  // the error that brought us here is the one to tell
  }
}

}  // namespace kuda
