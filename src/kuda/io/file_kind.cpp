#include "kuda/io/file_kind.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "kuda/base/error.h"
#include "kuda/io/pickle/pickle_cursor.h"
#include "kuda/io/zip.h"

namespace kuda::io {
namespace {

using namespace std::string_view_literals;

/// `expression` of Python makes an object of FILE; the line after it pickles that.
std::string in_python(std::string_view imports, std::string_view expression) {
  return fmt::format("in Python: import pickle, {}\n        pickle.dump({}, open('NEW.pkl', 'wb'))", imports,
                     expression);
}

struct Magic {
  std::size_t offset;
  std::string_view bytes, name, hint;  // FILE in the hint stands for the path
};

constexpr std::string_view kArrays =
    "arrays go with a table, one row per clip: kuda data import label.csv FOLDER --vision FILE (or --audio, --text)";
constexpr std::string_view kPandasTable =
    "in Python, with pandas (and pyarrow): a table becomes label.csv by\n"
    "        pandas.read_parquet('FILE').to_csv('label.csv', index=False); then: kuda data import label.csv FOLDER";
constexpr std::string_view kVideo = "kuda reads features; extract them first, for example with MMSA-FET";

constexpr std::array kMagics{
    Magic{0, "\x1f\x8b"sv, "a gzip file", "unpack it first: gunzip -c 'FILE' > NEW.pkl"},
    Magic{0, "BZh"sv, "a bzip2 file", "unpack it first: bunzip2 -c 'FILE' > NEW.pkl"},
    Magic{0, "\xfd\x37zXZ\0"sv, "an xz file", "unpack it first: xz -dc 'FILE' > NEW.pkl"},
    Magic{0, "\x5d\0\0"sv, "an lzma file", "unpack it first: xz --format=lzma -dc 'FILE' > NEW.pkl"},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "a zstd file", "unpack it first: zstd -dc 'FILE' > NEW.pkl"},
    Magic{0, "\x04\x22\x4d\x18"sv, "an lz4 file", "unpack it first: lz4 -dc 'FILE' > NEW.pkl"},
    Magic{0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", "unpack it first: 7z x 'FILE'"},
    Magic{0, "Rar!\x1a\x07"sv, "a rar archive", "unpack it first: unrar x 'FILE'"},
    Magic{257, "ustar"sv, "a tar archive", "unpack it first: tar xf 'FILE'"},
    Magic{0, "PAR1"sv, "a Parquet file", kPandasTable},
    Magic{0, "ARROW1"sv, "an Arrow (Feather) file", kPandasTable},
    Magic{0, "FEA1"sv, "a Feather file", kPandasTable},
    Magic{0, "SQLite format 3\0"sv, "an SQLite database", "write its table as label.csv, its features as arrays"},
    Magic{0, "version https://git-lfs"sv, "a Git LFS pointer", "fetch the real file: git lfs pull"},
    Magic{4, "ftyp"sv, "an MP4 video", kVideo},
    Magic{0, "RIFF"sv, "a WAV or AVI recording", kVideo},
    Magic{0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video", kVideo},
};

constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n"sv;

/// HDF5 files may start with a block of their user, of 512 bytes or any power of two beyond.
bool is_hdf5(std::string_view start) {
  if (start.starts_with(kHdf5)) return true;
  for (std::size_t at = 512; at + kHdf5.size() <= start.size(); at *= 2)
    if (start.substr(at, kHdf5.size()) == kHdf5) return true;
  return false;
}

FileKind kind_of_zip(std::span<const std::byte> bytes, const std::string& path) {
  const std::string name = "a zip archive";
  try {
    const ZipArchive archive(bytes, nullptr, path);
    const auto has = [&](std::string_view ending) {
      return std::any_of(archive.names().begin(), archive.names().end(),
                         [&](const std::string& member) { return member.ends_with(ending); });
    };
    if (has("data.pkl"))
      return {name + " of torch.save",
              in_python("torch", "torch.load('FILE', map_location='cpu', weights_only=False)") +
                  "  # runs what the file says: only a file that you trust"};
    if (has(".npy")) return {name + " of NumPy (npz)", std::string(kArrays)};
    if (archive.contains("[Content_Types].xml"))
      return {name + " of Excel (xlsx)",
              "save the table as label.csv (UTF-8); then: kuda data import label.csv FOLDER"};
    std::string members;
    for (std::size_t i = 0; i < archive.names().size() && i < 3; ++i)
      members += (i == 0 ? "" : ", ") + printable(archive.names()[i]);
    return {name,
            fmt::format("unpack it first: unzip 'FILE' ({}{})", members, archive.names().size() > 3 ? ", ..." : "")};
  } catch (const FormatError&) {
    return {name + ", and a damaged one", "it may have been cut: fetch it again"};
  }
}

FileKind kind_of_npy(std::string_view start) {
  const std::string name = "a NumPy array (npy)";
  if (start.substr(0, 256).find("'|O'") == std::string_view::npos) return {name, std::string(kArrays)};
  return {name + " of Python objects", in_python("numpy", "numpy.load('FILE', allow_pickle=True).item()") +
                                           "  # runs what the file says: only a file that you trust"};
}

bool is_safetensors(std::string_view start) {
  std::uint64_t header = 0;
  if (start.size() < sizeof header + 2) return false;
  std::memcpy(&header, start.data(), sizeof header);
  return header >= 2 && header <= start.size() - sizeof header && start[8] == '{';
}

/// What a person could have written: the first line, where it is one.
std::optional<std::string_view> first_line(std::string_view start) {
  if (start.starts_with("\xef\xbb\xbf")) start.remove_prefix(3);
  const auto line = start.substr(0, std::min<std::size_t>(start.find_first_of("\r\n"), 4096));
  const bool is_text = std::all_of(line.begin(), line.end(), [](char letter) {
    return letter == '\t' || static_cast<unsigned char>(letter) >= 0x20;
  });
  if (line.empty() || !is_text) return std::nullopt;
  return line;
}

std::optional<FileKind> kind_of_text(std::string_view start) {
  const auto line = first_line(start);
  if (!line) return std::nullopt;
  if (line->starts_with("<!DOCTYPE") || line->starts_with("<!doctype") || line->starts_with("<html") ||
      line->starts_with("<?xml"))
    return FileKind{"a web page (HTML)",
                    "the download gave a page instead of the file; open it in a browser to see why"};
  // '{' and '[' start no pickle, '(' starts old ones.
  if (line->front() == '{' || line->front() == '[')
    return FileKind{"a JSON text", in_python("json", "json.load(open('FILE'))")};
  const auto separators =
      std::count_if(line->begin(), line->end(), [](char c) { return c == ',' || c == '\t' || c == ';'; });
  if (separators >= 2 && std::isalpha(static_cast<unsigned char>(line->front())) != 0)
    return FileKind{
        "a table as text",
        "make a data set of it: as label.csv: kuda data import label.csv FOLDER --audio AUDIO.npy --vision VISION.npy"};
  return std::nullopt;
}

std::optional<FileKind> kind_of(std::span<const std::byte> bytes, const std::string& path) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return kind_of_zip(bytes, path);
  if (start.starts_with("\x93NUMPY")) return kind_of_npy(start);
  if (is_hdf5(start)) {
    if (start.starts_with("MATLAB 7.3"))
      return FileKind{"a MATLAB file (7.3, which is HDF5)",
                      in_python("h5py", "{k: v[()] for k, v in h5py.File('FILE').items()}")};
    return FileKind{
        "an HDF5 file (.csd of CMU-MultimodalSDK, or another)",
        "of the SDK: kuda data import LABELS.csd FOLDER --audio 'FILE' (or --vision, --text) --splits "
        "TABLE.csv; of others, arrays in Python: import h5py, numpy\n"
        "        numpy.save('vision.npy', h5py.File('FILE')['vision']); then: kuda data import label.csv ..."};
  }
  if (start.starts_with("MATLAB 5.0"))
    return FileKind{"a MATLAB file", in_python("scipy.io", "scipy.io.loadmat('FILE')")};
  if (start.starts_with("\x80\x02\x8a\nl\xfc\x9c\x46"sv))
    return FileKind{"a file of torch.save before 1.6",
                    in_python("torch", "torch.load('FILE', map_location='cpu', weights_only=False)") +
                        "  # runs what the file says: only a file that you trust"};
  if (start.size() > 2 && start[0] == 'x' &&
      (start[1] == '\x01' || start[1] == '\x5e' || start[1] == '\x9c' || start[1] == '\xda'))
    return FileKind{"a zlib stream (joblib.dump with compress)", in_python("joblib", "joblib.load('FILE')")};
  if (is_safetensors(start)) return FileKind{"a safetensors file", std::string(kArrays)};
  for (const Magic& magic : kMagics)
    if (start.size() > magic.offset && start.substr(magic.offset).starts_with(magic.bytes))
      return FileKind{std::string(magic.name), std::string(magic.hint)};
  return kind_of_text(start);
}

}  // namespace

std::optional<FileKind> recognise(std::span<const std::byte> bytes, const std::string& path) {
  auto kind = kind_of(bytes, path);
  if (!kind) return kind;
  for (auto at = kind->hint.find("FILE"); at != std::string::npos; at = kind->hint.find("FILE", at + path.size()))
    kind->hint.replace(at, 4, path);
  return kind;
}

}  // namespace kuda::io
