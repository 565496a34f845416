#pragma once
// Folders that a program makes, and files that keep other processes away.
//
//   make_folder("runs/first/logs");
//   const auto lock = FileLock::try_to_lock("runs/first/.lock");
//   if (!lock) ...                                // another process holds it

#include <filesystem>
#include <memory>
#include <utility>

namespace kuda {

/// With all that lie above it; nothing happens where it is there. Throws Error naming it and the reason.
void make_folder(const std::filesystem::path& folder);

/// A folder that may be exchanged for another one while its files are read by their paths: held open, so that no other
/// folder gets its number.
class HeldFolder {
 public:
  explicit HeldFolder(std::filesystem::path path);
  HeldFolder(const HeldFolder&) = delete;
  HeldFolder& operator=(const HeldFolder&) = delete;
  ~HeldFolder();
  /// Whether the path leads to the same folder as at the beginning.
  [[nodiscard]] bool is_in_place() const;

 private:
  std::filesystem::path path_;
  int descriptor_;
};

/// Holds an exclusive flock on a file, which is made, until it goes out of scope; processes that were started with its
/// descriptor as their output hold it on. On a file system without locks nothing is held, and no work refused.
class FileLock {
 public:
  /// Nothing when another process holds it. Throws Error when the file cannot be opened.
  [[nodiscard]] static std::unique_ptr<FileLock> try_to_lock(const std::filesystem::path& path);
  /// Waits until no other process holds it. A file that its holder has removed is none to wait for: it is made anew.
  [[nodiscard]] static std::unique_ptr<FileLock> wait_for(const std::filesystem::path& path);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }  ///< to append to the file
  /// The file goes with the lock, while it is still held: who waits for it opens another. That of a killed process
  /// stays, and goes with the next lock.
  void remove_at_end() noexcept { is_removed_ = true; }

 private:
  FileLock(int descriptor, std::filesystem::path path) : descriptor_(descriptor), path_(std::move(path)) {}
  static std::unique_ptr<FileLock> lock(const std::filesystem::path& path, int how);
  int descriptor_;
  std::filesystem::path path_;
  bool is_removed_ = false;
};

}  // namespace kuda
