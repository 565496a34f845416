#pragma once
// The folder of a run that is refused before any of its work is saved is as it was before: with nothing but its options
// in it, it would refuse the next command, which has better ones.
//
//   const NewFolder folder(out);                            // before anything is written
//   folder.unless_refused(group, [&] { train_into(out); });

#include <filesystem>

#include "kuda/base/error.h"
#include "kuda/tensor/process_group.h"

namespace kuda {

class NewFolder {
 public:
  explicit NewFolder(std::filesystem::path folder);

  /// What `work` returns. Where it throws anything but Interrupted before a state or metrics are saved in the folder,
  /// the first process takes back what was written: the folder, and those above it that are new, where it was absent or
  /// empty; else config.toml alone, where there was none. Files of others stay.
  template <class Work>
  auto unless_refused(const ProcessGroup& group, Work work) const {
    try {
      return work();
    } catch (const Interrupted&) {
      throw;
    } catch (...) {
      if (group.is_first()) take_back();
      throw;
    }
  }

 private:
  void take_back() const noexcept;

  std::filesystem::path folder_;
  std::filesystem::path made_;  ///< the highest folder that is new
  bool has_options_ = false, is_empty_ = false;
};

}  // namespace kuda
