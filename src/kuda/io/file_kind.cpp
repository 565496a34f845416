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

/// How a kind of file becomes one that is read.
enum class Way { unpack, extract, table, pointer, recording, resave };

struct Magic {
  std::size_t offset;
  std::string_view bytes, name;
  Way way;
  std::string_view command;  ///< of a shell to unpack it, of pandas to read a table
};

constexpr std::string_view kExcel = "read_excel('FILE', dtype=str)";

constexpr std::array kMagics{
    Magic{0, "\x1f\x8b"sv, "a gzip file", Way::unpack, "gunzip -c"},
    Magic{0, "BZh"sv, "a bzip2 file", Way::unpack, "bunzip2 -c"},
    Magic{0, "\xfd\x37zXZ\0"sv, "an xz file", Way::unpack, "xz -dc"},
    Magic{0, "\x5d\0\0"sv, "an lzma file", Way::unpack, "xz --format=lzma -dc"},
    Magic{0, "\x28\xb5\x2f\xfd"sv, "a zstd file", Way::unpack, "zstd -dc"},
    Magic{0, "\x04\x22\x4d\x18"sv, "an lz4 file", Way::unpack, "lz4 -dc"},
    Magic{0, "7z\xbc\xaf\x27\x1c"sv, "a 7z archive", Way::extract, "7z x"},
    Magic{0, "Rar!\x1a\x07"sv, "a rar archive", Way::extract, "unrar x"},
    Magic{257, "ustar"sv, "a tar archive", Way::extract, "tar xf"},
    Magic{0, "PAR1"sv, "a Parquet file", Way::table, "read_parquet('FILE')"},
    Magic{0, "ARROW1"sv, "an Arrow (Feather) file", Way::table, "read_feather('FILE')"},
    Magic{0, "FEA1"sv, "a Feather file", Way::table, "read_feather('FILE')"},
    Magic{0, "\xd0\xcf\x11\xe0"sv, "an Excel workbook (xls)", Way::table, kExcel},
    Magic{0, "SQLite format 3\0"sv, "an SQLite database", Way::table,
          "read_sql('SELECT * FROM clips', sqlite3.connect('FILE'))"},
    Magic{0, "version https://git-lfs"sv, "a Git LFS pointer", Way::pointer, ""},
    Magic{4, "ftyp"sv, "an MP4 video", Way::recording, ""},
    Magic{0, "RIFF"sv, "a WAV or AVI recording", Way::recording, ""},
    Magic{0, "\x1a\x45\xdf\xa3"sv, "a Matroska or WebM video", Way::recording, ""},
    Magic{0, "GGUF"sv, "a GGUF file (llama.cpp)", Way::resave, ""},
};

constexpr std::string_view kResave =
    "open it with the program that wrote it and save its state dictionary: torch.save(state, 'weights.pth')";
constexpr std::string_view kTrusted = "  # runs what the file says: only a file that you trust";

/// `expression` of Python makes an object of FILE; the line after it writes that.
std::string in_python(FileUse use, std::string_view imports, std::string_view expression) {
  if (use == FileUse::weights) return std::string(kResave);
  return fmt::format("in Python: import pickle, {}\n        pickle.dump({}, open('NEW.pkl', 'wb'))", imports,
                     expression);
}

/// `reader` of pandas makes a table of FILE.
std::string by_pandas(FileUse use, std::string_view reader) {
  if (use == FileUse::weights) return std::string(kResave);
  return fmt::format("in Python, with pandas: pandas.{}.to_csv('label.csv', index=False){}", reader,
                     use == FileUse::features ? "\n        then: kuda data import label.csv FOLDER" : "");
}

std::string of_arrays(FileUse use) {
  if (use == FileUse::weights) return std::string(kResave);
  return "arrays go with a table, one row per clip: kuda data import label.csv FOLDER --vision FILE (or --audio, "
         "--text)";
}

std::string hint_of(const Magic& magic, FileUse use) {
  switch (magic.way) {
    case Way::unpack:
      return fmt::format("unpack it first: {} 'FILE' > NEW.{}", magic.command,
                         use == FileUse::features  ? "pkl"
                         : use == FileUse::weights ? "pth"
                                                   : "csv");
    case Way::extract:
      return fmt::format("unpack it first: {} 'FILE'{}", magic.command,
                         use == FileUse::weights && magic.name == "a tar archive"
                             ? "; PyTorch 0.1 saved so: load and save it with 0.4"
                             : "");
    case Way::table:
      return by_pandas(use, magic.command);
    case Way::pointer:
      return "fetch the real file: git lfs pull, or the download link of the page";
    case Way::recording:
      return use == FileUse::weights ? std::string(kResave)
                                     : "kuda reads features; extract them first, for example with MMSA-FET";
    case Way::resave:
      return std::string(kResave);
  }
  return {};
}

constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n"sv;

/// HDF5 files may start with a block of their user, of 512 bytes or any power of two beyond.
bool is_hdf5(std::string_view start) {
  if (start.starts_with(kHdf5)) return true;
  for (std::size_t at = 512; at + kHdf5.size() <= start.size(); at *= 2)
    if (start.substr(at, kHdf5.size()) == kHdf5) return true;
  return false;
}

FileKind kind_of_zip(std::span<const std::byte> bytes, const std::string& path, FileUse use) {
  const std::string name = "a zip archive";
  try {
    const ZipArchive archive(bytes, nullptr, path);
    const auto has = [&](std::string_view ending) {
      return std::any_of(archive.names().begin(), archive.names().end(),
                         [&](const std::string& member) { return member.ends_with(ending); });
    };
    if (has("data.pkl"))
      return {name + " of torch.save",
              in_python(use, "torch", "torch.load('FILE', map_location='cpu', weights_only=False)").append(kTrusted)};
    if (has(".npy")) return {name + " of NumPy (npz)", of_arrays(use)};
    if (archive.contains("[Content_Types].xml")) return {"an Excel workbook (xlsx)", by_pandas(use, kExcel)};
    if (archive.contains("content.xml")) return {"an OpenDocument table (ods)", by_pandas(use, kExcel)};
    std::string members;
    for (std::size_t i = 0; i < archive.names().size() && i < 3; ++i)
      members += (i == 0 ? "" : ", ") + printable(archive.names()[i]);
    return {name,
            fmt::format("unpack it first: unzip 'FILE' ({}{})", members, archive.names().size() > 3 ? ", ..." : "")};
  } catch (const FormatError&) {
    return {(use == FileUse::table ? "an Excel workbook or another zip archive" : name) + ", and a damaged one",
            "it may have been cut: fetch it again"};
  }
}

FileKind kind_of_npy(std::string_view start, FileUse use) {
  const std::string name = "a NumPy array (npy)";
  if (start.substr(0, 256).find("'|O'") == std::string_view::npos) return {name, of_arrays(use)};
  return {name + " of Python objects",
          in_python(use, "numpy", "numpy.load('FILE', allow_pickle=True).item()").append(kTrusted)};
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

std::optional<FileKind> kind_of_text(std::string_view start, FileUse use) {
  const auto line = first_line(start);
  if (!line) return std::nullopt;
  if (line->starts_with("<!DOCTYPE") || line->starts_with("<!doctype") || line->starts_with("<html") ||
      line->starts_with("<?xml") || (use == FileUse::table && line->starts_with('<')))
    return FileKind{"a web page (HTML)",
                    "the download gave a page instead of the file; open it in a browser to see why"};
  // '{' and '[' start no pickle, '(' starts old ones; the name of a column may begin with '['.
  if (line->front() == '{' || line->starts_with("[{") || (use != FileUse::table && line->front() == '['))
    return FileKind{"a JSON text", use == FileUse::weights
                                       ? "it describes weights or a model; name the file that holds the tensors"
                                   : use == FileUse::table ? by_pandas(use, "read_json('FILE')")
                                                           : in_python(use, "json", "json.load(open('FILE'))")};
  if (use == FileUse::table) return std::nullopt;
  const auto separators =
      std::count_if(line->begin(), line->end(), [](char c) { return c == ',' || c == '\t' || c == ';'; });
  if (separators >= 2 && std::isalpha(static_cast<unsigned char>(line->front())) != 0)
    return FileKind{
        "a table as text",
        "make a data set of it: as label.csv: kuda data import label.csv FOLDER --audio AUDIO.npy --vision VISION.npy"};
  return std::nullopt;
}

std::optional<FileKind> kind_of(std::span<const std::byte> bytes, const std::string& path, FileUse use) {
  const std::string_view start(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (start.starts_with("PK\x03\x04") || start.starts_with("PK\x05\x06")) return kind_of_zip(bytes, path, use);
  if (start.starts_with("\x93NUMPY")) return kind_of_npy(start, use);
  if (is_hdf5(start)) {
    if (start.starts_with("MATLAB 7.3"))
      return FileKind{"a MATLAB file (7.3, which is HDF5)",
                      in_python(use, "h5py", "{k: v[()] for k, v in h5py.File('FILE').items()}")};
    if (use == FileUse::weights) return FileKind{"an HDF5 file (Keras)", std::string(kResave)};
    return FileKind{
        "an HDF5 file (.csd of CMU-MultimodalSDK, or another)",
        "of the SDK: kuda data import LABELS.csd FOLDER --audio 'FILE' (or --vision, --text) --splits "
        "TABLE.csv; of others, arrays in Python: import h5py, numpy\n"
        "        numpy.save('vision.npy', h5py.File('FILE')['vision']); then: kuda data import label.csv ..."};
  }
  if (start.starts_with("MATLAB 5.0"))
    return FileKind{"a MATLAB file", in_python(use, "scipy.io", "scipy.io.loadmat('FILE')")};
  if (start.starts_with("\x80\x02\x8a\nl\xfc\x9c\x46"sv))
    return FileKind{
        "a file of torch.save before 1.6",
        in_python(use, "torch", "torch.load('FILE', map_location='cpu', weights_only=False)").append(kTrusted)};
  if (use != FileUse::table && start.size() > 2 && start[0] == 'x' &&
      (start[1] == '\x01' || start[1] == '\x5e' || start[1] == '\x9c' || start[1] == '\xda'))
    return FileKind{"a zlib stream (joblib.dump with compress)", in_python(use, "joblib", "joblib.load('FILE')")};
  if (is_safetensors(start)) return FileKind{"a safetensors file", of_arrays(use)};
  if (use == FileUse::table && start.size() > 1 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5)
    return FileKind{"a pickle",
                    "a feature file ends in .pkl; a table of pandas, " + by_pandas(use, "read_pickle('FILE')")};
  for (const Magic& magic : kMagics)
    if (start.size() > magic.offset && start.substr(magic.offset).starts_with(magic.bytes))
      return FileKind{std::string(magic.name), hint_of(magic, use)};
  return kind_of_text(start, use);
}

}  // namespace

std::optional<FileKind> recognise(std::span<const std::byte> bytes, const std::string& path, FileUse use) {
  auto kind = kind_of(bytes, path, use);
  if (!kind) return kind;
  for (auto at = kind->hint.find("FILE"); at != std::string::npos; at = kind->hint.find("FILE", at + path.size()))
    kind->hint.replace(at, 4, path);
  return kind;
}

}  // namespace kuda::io
