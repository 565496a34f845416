#pragma once
// Files: read by memory mapping, written so that a kill leaves the old or the new file, never half of one.
//
//   const auto file = MappedFile::open("features.safetensors");
//   write_file(path, text);                 // atomic: temporary file, fsync, rename

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kuda {

/// What a write to the bytes of an opened file does: it ends the program, or stays in this process and never reaches
/// the file. The second is for bytes that become tensors, which LibTorch cannot protect.
enum class Mapping { read_only, private_copy };

/// A whole file mapped; unmapped when the last owner lets go. An empty file has an empty span.
class MappedFile {
 public:
  /// Throws FormatError when the file cannot be opened or is not a regular file.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path,
                                                Mapping mapping = Mapping::read_only);
  /// A new file of `size` zeros (at least one), to be written through `writable()`. Takes the space on the disk at
  /// once; throws Error when there is not enough.
  static std::shared_ptr<MappedFile> create(const std::filesystem::path& path, std::size_t size);
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  /// Of a file that `create` made.
  [[nodiscard]] std::byte* writable() noexcept { return data_; }
  /// Gives the pages of bytes that are done with back to the system; they stay in the file and come again when touched.
  /// A page shared with the bytes before goes too, one shared with the bytes behind stays. What is outside is ignored.
  /// A private copy gives nothing back: what was written to it would be lost.
  void give_back(const void* first, const void* last) const noexcept;
  void sync();  ///< everything that was written is on the disk afterwards; throws Error

 private:
  MappedFile() = default;
  std::filesystem::path path_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;  ///< of a file that `create` made
  bool keeps_pages_ = false;
};

/// Writes a file in pieces and puts it in place only on `commit()`: fsync, rename, fsync of the folder.
/// Without commit the target is untouched and the temporary file is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target);  ///< Throws Error when the folder is not writable.
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);
  void commit();

 private:
  std::filesystem::path target_, temporary_;
  int descriptor_ = -1;
};

/// Makes the names in a folder (after a rename) last; some file systems refuse, and that is no error.
void sync_folder(const std::filesystem::path& folder);

/// Atomic replacement of a small file.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The whole file as text. Throws FormatError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// SHA-256 of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  ~Sha256();
  void update(std::span<const std::byte> bytes);
  [[nodiscard]] std::string hex();  ///< 64 hexadecimal digits; call once, at the end

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// SHA-256 of a file as 64 hexadecimal digits. Read in blocks: nothing of it stays in memory.
std::string sha256_of_file(const std::filesystem::path& path);
/// SHA-256 of some bytes, or of text, as 64 hexadecimal digits.
std::string sha256(std::span<const std::byte> bytes);
std::string sha256(std::string_view text);

}  // namespace kuda
