#include "kuda/io/weights_file.h"

#include <array>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/base/file.h"
#include "kuda/io/torch_file.h"
#include "kuda/io/torch_zip.h"

namespace kuda::io {
namespace {

struct Lookalike {
  std::string_view magic;
  std::size_t offset;
  std::string_view name, hint;
};

constexpr std::string_view kResave =
    "open it with the program that wrote it and save its state dictionary: "
    "torch.save(state, 'weights.pth')";
constexpr std::string_view kFetch = "fetch the file itself: git lfs pull, or the download link of the page";

constexpr std::array<Lookalike, 10> kLookalikes{{
    {"\x89HDF\r\n", 0, "an HDF5 file (Keras)", kResave},
    {"\x1f\x8b", 0, "a gzip file", "unpack it first: gunzip FILE"},
    {"BZh", 0, "a bzip2 file", "unpack it first: bunzip2 FILE"},
    {"7z\xbc\xaf", 0, "a 7z archive", "unpack it first: 7z x FILE"},
    {"\x93NUMPY", 0, "a NumPy array", kResave},
    {"version https://git-lfs", 0, "a Git LFS pointer", kFetch},
    {"<!DOCTYPE", 0, "a page of HTML", kFetch},
    {"<!doctype", 0, "a page of HTML", kFetch},
    {"<html", 0, "a page of HTML", kFetch},
    {"ustar", 257, "a tar archive", "unpack it first: tar xf FILE; PyTorch 0.1 saved so: load and save it with 0.4"},
}};

/// Eight bytes of length and the brace of JSON. No pickle and no zip archive has it there.
bool is_safetensors(std::string_view content) {
  if (content.size() < 9 || content[8] != '{') return false;
  return content[5] == '\0' && content[6] == '\0' && content[7] == '\0';  // of a header below a terabyte
}

}  // namespace

ArrayFile read_weights(std::span<const std::byte> bytes, std::shared_ptr<const void> owner, const std::string& name) {
  const std::string_view content(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (content.empty()) throw FormatError(name + ": byte 0: the file is empty");
  if (is_safetensors(content)) return read_safetensors(bytes, std::move(owner), name);
  if (content.starts_with("PK")) return read_torch_zip(bytes, std::move(owner), name);
  if (is_torch_legacy(bytes)) return read_torch_legacy(bytes, std::move(owner), name);
  for (const Lookalike& other : kLookalikes)
    if (content.size() > other.offset && content.substr(other.offset).starts_with(other.magic))
      throw FormatError(name + ": byte 0: this is " + std::string(other.name) + ", not a file of weights",
                        std::string(other.hint));
  if (content.starts_with('\x80'))
    throw FormatError(name + ": byte 0: a pickle that torch.save did not write",
                      "in Python: state = pickle.load(open(FILE, 'rb')); torch.save(state, 'weights.pth')");
  throw FormatError(name + ": byte 0: neither a safetensors file nor one of torch.save",
                    "a download may have been cut short or be something else: `file FILE` tells");
}

ArrayFile read_weights(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  return read_weights(file->bytes(), file, path.string());
}

}  // namespace kuda::io
