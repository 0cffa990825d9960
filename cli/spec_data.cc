#include "cli/spec_data.h"

#include "cli/spec_words.h"

namespace muster::cli {
namespace {

namespace v1 = muster::v1;

using Path = const std::string&;
using Node = const YAML::Node&;

void ReadMode(Node node, Path path, v1::DataReference& reference, YamlFindings& findings) {
  const auto text = ReadText(node, path, findings);
  if (!text) return;
  const std::string mode = LowerCase(*text);
  if (mode == "mount") {
    reference.set_mode(v1::DATA_MODE_MOUNT);
  } else if (mode == "download") {
    reference.set_mode(v1::DATA_MODE_DOWNLOAD);
  } else if (mode == "upload") {
    reference.set_mode(v1::DATA_MODE_UPLOAD);
  } else {
    findings.AddFault(path, *text, "must be mount, download or upload");
  }
}

}  // namespace

std::vector<YamlKey> DataKeys(v1::DataReference& reference, YamlFindings& findings) {
  const auto text = [&findings](std::string_view name, auto set) {
    return YamlKey{name, [set, &findings](Node node, Path path) {
                     if (const auto found = ReadText(node, path, findings)) set(*found);
                   }};
  };
  const auto store = [&reference](Path name) { reference.set_datastore(name); };
  const auto place = [&reference](Path words) { reference.set_path(words); };
  const auto on_compute = [&reference](Path words) { reference.set_path_on_compute(words); };
  return {text("datastore", store),
          text("dataStoreName", store),
          text("path", place),
          text("pathOnDataStore", place),
          text("path_on_compute", on_compute),
          text("pathOnCompute", on_compute),
          {"mode", [&reference, &findings](
                       Node node, Path path) { ReadMode(node, path, reference, findings); }},
          {"overwrite", [&reference, &findings](Node node, Path path) {
             if (const auto yes = ReadBool(node, path, findings)) reference.set_overwrite(*yes);
           }}};
}

}  // namespace muster::cli
