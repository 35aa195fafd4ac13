//! Spark's and Hadoop's configuration files, where SPARK_CONF_DIR and HADOOP_CONF_DIR say they are: `spark-defaults.conf`,
//! `core-site.xml` and `hdfs-site.xml`. What the application itself says comes first, then Spark's file, then Hadoop's. A
//! file that is not there is no error; one that cannot be read is.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::Event;
use tracing::info;

use crate::overrides::var;
use crate::{Error, Result};

/// Larger is no configuration file.
const SIZE_LIMIT: u64 = 4 << 20;
/// What Hadoop's keys are under in Spark's configuration.
const HADOOP_PREFIX: &str = "spark.hadoop.";

type Conf = BTreeMap<String, String>;

/// `conf` with the keys that only files have.
pub(crate) fn with_files(conf: Conf) -> Result<Conf> {
    let folder = |name: &str| var(name).map(PathBuf::from);
    with_files_of(conf, folder("SPARK_CONF_DIR").as_deref(), folder("HADOOP_CONF_DIR").as_deref())
}

fn with_files_of(mut conf: Conf, spark: Option<&Path>, hadoop: Option<&Path>) -> Result<Conf> {
    if let Some(path) = spark.map(|folder| folder.join("spark-defaults.conf")) {
        add(&mut conf, &path, |text| Ok(properties(text)))?;
    }
    for name in ["hdfs-site.xml", "core-site.xml"] {
        if let Some(path) = hadoop.map(|folder| folder.join(name)) {
            add(&mut conf, &path, site)?;
        }
    }
    Ok(conf)
}

fn add(conf: &mut Conf, path: &Path, parse: fn(&str) -> Result<Conf, String>) -> Result<()> {
    let wrong = |reason: String| Error::bad_input(format!("{}: {reason}", path.display()));
    let size = match std::fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(wrong(error.to_string())),
        Ok(metadata) => metadata.len(),
    };
    if size > SIZE_LIMIT {
        return Err(wrong(format!("has {size} bytes; a configuration file has at most {SIZE_LIMIT}")));
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let read = parse(&text).map_err(wrong)?;
    info!(keys = read.len(), "configuration is read from {}", path.display());
    for (key, value) in read {
        conf.entry(key).or_insert(value);
    }
    Ok(())
}

/// Lines of `key value`, `key=value` or `key: value`, as Java's Properties reads them.
fn properties(text: &str) -> Conf {
    let mut conf = Conf::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut line = line.trim_start().to_string();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        while continues(&line) {
            line.pop();
            line.push_str(lines.next().unwrap_or_default().trim_start());
        }
        let (key, value) = split(&line);
        conf.insert(unescape(key), unescape(value.trim_end()));
    }
    conf
}

/// An odd number of backslashes at the end.
fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && (c == '=' || c == ':' || c.is_whitespace());
        escaped = c == '\\' && !escaped;
        ends
    });
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => {}
            },
            (c, false) => plain.push(c),
        }
    }
    plain
}

/// `<property><name>..</name><value>..</value></property>`, under Spark's prefix.
fn site(text: &str) -> Result<Conf, String> {
    let mut conf = Conf::new();
    let mut reader = Reader::from_str(text);
    // The element that is open, and what it held so far.
    let (mut open, mut content) = (Vec::new(), String::new());
    let (mut name, mut value) = (None, None);
    loop {
        let at = reader.buffer_position();
        let wrong = |reason: String| format!("at byte {at}: {reason}");
        match reader.read_event().map_err(|error| wrong(error.to_string()))? {
            Event::Start(tag) => {
                open.push(tag.local_name().as_ref().to_vec());
                content.clear();
            }
            Event::Text(text) => content.push_str(&text.decode().map_err(|error| wrong(error.to_string()))?),
            Event::CData(text) => content.push_str(&text.decode().map_err(|error| wrong(error.to_string()))?),
            Event::GeneralRef(reference) => {
                let entity = reference.decode().map_err(|error| wrong(error.to_string()))?;
                let text = quick_xml::escape::unescape(&format!("&{entity};")).map(|text| text.into_owned());
                content.push_str(&text.map_err(|error| wrong(error.to_string()))?);
            }
            Event::End(_) => match open.pop().as_deref() {
                Some(b"name") => name = Some(content.trim().to_string()),
                Some(b"value") => value = Some(content.trim().to_string()),
                Some(b"property") => {
                    if let (Some(name), Some(value)) = (name.take(), value.take()) {
                        conf.insert(format!("{HADOOP_PREFIX}{name}"), value);
                    }
                }
                _ => {}
            },
            Event::Eof if open.is_empty() => return Ok(conf),
            Event::Eof => return Err("ends within an element".into()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_file_is_read_as_java_reads_it() {
        let conf = properties(
            "# a comment\n\nspark.a  one\nspark.b=two=2\n  spark.c: three \nspark.d one,\\\n   two\n! another\nspark.e\nspark\\:f \\\\x",
        );
        let expected = [
            ("spark.a", "one"),
            ("spark.b", "two=2"),
            ("spark.c", "three"),
            ("spark.d", "one,two"),
            ("spark.e", ""),
            ("spark:f", "\\x"),
        ];
        assert_eq!(conf, expected.map(|(key, value)| (key.to_string(), value.to_string())).into());
    }

    #[test]
    fn hadoops_file_is_read_with_its_entities() {
        let text = "<?xml version=\"1.0\"?><!-- x --><configuration><property><name>fs.s3a.endpoint</name>\
            <value> http://store?a=1&amp;b=&#50; </value><final>true</final></property>\
            <property><name>empty</name><value/></property>\
            <property><description>no value</description><name>half</name></property>\
            <property><name>c</name><value><![CDATA[<&>]]></value></property></configuration>";
        let conf = site(text).expect("conf");
        assert_eq!(conf["spark.hadoop.fs.s3a.endpoint"], "http://store?a=1&b=2");
        assert_eq!(conf["spark.hadoop.c"], "<&>");
        assert_eq!(conf.len(), 2);
        assert!(
            site("<configuration><property>").is_err() && site("<a></b>").is_err() && site("<a>&nope;</a>").is_err()
        );
    }

    #[test]
    fn the_application_comes_first_then_sparks_file_then_hadoops() {
        let folder = std::env::temp_dir().join(format!("onager-conf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("folder");
        std::fs::write(folder.join("spark-defaults.conf"), "spark.hadoop.a spark\nspark.hadoop.b spark\n")
            .expect("file");
        let property = |name: &str| format!("<property><name>{name}</name><value>hadoop</value></property>");
        let site = ["a", "b", "c"].map(property).concat();
        std::fs::write(folder.join("core-site.xml"), format!("<configuration>{site}</configuration>")).expect("file");
        let own = Conf::from([("spark.hadoop.a".to_string(), "own".to_string())]);
        let conf = with_files_of(own, Some(&folder), Some(&folder)).expect("conf");
        let values = ["a", "b", "c"].map(|key| conf[&format!("spark.hadoop.{key}")].as_str());
        assert_eq!(values, ["own", "spark", "hadoop"]);
        std::fs::write(folder.join("core-site.xml"), "<configuration>").expect("file");
        let error = with_files_of(Conf::new(), None, Some(&folder)).expect_err("broken").to_string();
        assert!(error.contains("core-site.xml"), "{error}");
        std::fs::remove_dir_all(&folder).expect("gone");
        assert_eq!(with_files_of(Conf::new(), Some(&folder), Some(&folder)).expect("none"), Conf::new());
    }
}
